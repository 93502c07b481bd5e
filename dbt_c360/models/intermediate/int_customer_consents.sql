with

consents as (
    select * from {{ ref('int_consent_answers') }}
)

select
    customer_id,
    max(case when purpose like 'marketing%' then case when is_granted then 1 else 0 end end) = 1
        as marketing_consent,
    max(case when purpose = 'profiling' then case when is_granted then 1 else 0 end end) = 1
        as profiling_consent
from consents
group by customer_id
