with

versions as (
    {{ latest_versions('consents', ['customer_id', 'purpose'], caseless=['purpose']) }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.purpose') }} as purpose,
    {{ clean_lower('versions.source') }} as source,

    versions.granted as is_granted,
    {{ is_after('versions.updated_at') }} as is_after_as_of,

    versions.updated_at
from versions
