{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'rates') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'rates'), ['currency', 'date'], caseless=['currency']) }}
)

select
    {{ clean_upper('versions.currency') }} as currency,

    versions.rate,

    versions.date as rate_date
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
