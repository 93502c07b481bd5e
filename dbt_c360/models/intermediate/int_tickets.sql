with

clock as (
    select * from {{ ref('int_data_clock') }}
),

help_desk as (
    select * from {{ ref('stg_support_tickets') }}
),

workbook_tickets as (
    select * from {{ ref('stg_customer_support') }}
),

unioned as (
    select
        ticket_id,
        'crm' as source_system,
        customer_id as source_customer_id,
        category,
        priority,
        status,
        channel,
        satisfaction_score,
        is_after_as_of,
        created_at,
        resolved_at
    from help_desk
    union all
    select
        'wb-' || ticket_id as ticket_id,
        'workbooks' as source_system,
        customer_id as source_customer_id,
        issue_type as category,
        null as priority,
        null as status,
        null as channel,
        satisfaction_score,
        is_after_as_of,
        created_at,
        resolved_at
    from workbook_tickets
),

-- a ticket that was resolved after the as-of day was still open then, and without a satisfaction
as_of as (
    select
        unioned.*,
        coalesce(cast(unioned.resolved_at as date) > clock.as_of_date, false) as is_resolved_later
    from unioned
    cross join clock
)

select
    ticket_id,
    source_system,
    source_customer_id,
    category,
    priority,
    case
        when is_resolved_later then 'open'
        when status is not null then status
        when resolved_at is null then 'open'
        else 'resolved'
    end as status,
    channel,
    case
        when not is_resolved_later and satisfaction_score between 1 and 5 then satisfaction_score
    end as satisfaction_score,
    is_after_as_of,
    created_at,
    case when not is_resolved_later then resolved_at end as resolved_at
from as_of
