{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'loyalty_program') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'loyalty_program'), ['customer_id', '_known_at']) }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ title_case(clean_text('versions.loyalty_tier')) }} as loyalty_tier,

    coalesce(versions._known_at, cast('{{ var("history_start") }}' as date)) as known_from
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
