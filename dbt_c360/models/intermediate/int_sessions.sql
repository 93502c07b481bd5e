with

app_sessions as (
    select * from {{ ref('stg_app_usage') }}
),

web_sessions as (
    select * from {{ ref('stg_web_interactions') }}
)

select
    usage_id as session_id,
    'crm' as source_system,
    customer_id as source_customer_id,
    case when device_type = 'web' then 'web' else 'app' end as touchpoint,
    device_type as device,
    pages_viewed as page_views,
    actions_taken as actions,
    case
        when session_duration_minutes >= 0 then cast(session_duration_minutes as decimal(18, 2))
    end as minutes,
    is_after_as_of,
    session_date,
    session_start_at as started_at
from app_sessions
union all
select
    'wb-' || session_id as session_id,
    'workbooks' as source_system,
    customer_id as source_customer_id,
    'web' as touchpoint,
    device,
    page_views,
    null as actions,
    case
        when session_duration_seconds >= 0
            then cast(round(session_duration_seconds / 60.0, 2) as decimal(18, 2))
    end as minutes,
    is_after_as_of,
    cast(interaction_at as date) as session_date,
    interaction_at as started_at
from web_sessions
