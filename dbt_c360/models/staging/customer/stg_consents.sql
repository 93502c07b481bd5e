with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'consents') }}
),

superseded as (
    {{ superseded_rows(
        source('bronze', 'consents'), ['customer_id', 'purpose'], caseless=['purpose']
    ) }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.purpose') }} as purpose,
    {{ clean_lower('versions.source') }} as source,

    versions.granted as is_granted,
    {{ is_after('versions.updated_at') }} as is_after_as_of,

    versions.updated_at
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
