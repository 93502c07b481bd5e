-- An answer outside 1 to 5 counts as no answer. Warn: only its owner knows which scale was meant;
-- each row names a score, with the tickets whose satisfaction is null because of it.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_support_tickets'}}}) }}

with

answers as (
    select
        'crm' as source_system,
        satisfaction_score,
        is_after_as_of
    from {{ ref('stg_support_tickets') }}
    union all
    select
        'workbooks' as source_system,
        satisfaction_score,
        is_after_as_of
    from {{ ref('stg_customer_support') }}
)

select
    source_system,
    satisfaction_score,
    count(*) as tickets
from answers
where satisfaction_score not between 1 and 5 and not is_after_as_of
group by source_system, satisfaction_score
