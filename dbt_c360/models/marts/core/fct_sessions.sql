with

sessions as (
    select * from {{ ref('int_sessions') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
)

select
    sessions.session_id,

    sessions.source_system,
    identities.customer_id,
    sessions.touchpoint,
    sessions.device,

    sessions.page_views,
    sessions.actions,
    sessions.minutes,

    sessions.is_after_as_of,

    sessions.session_date,
    sessions.started_at
from sessions
left join identities
    on
        sessions.source_system = identities.source_system
        and sessions.source_customer_id = identities.source_id
