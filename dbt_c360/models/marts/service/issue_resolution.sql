with

tickets as (
    select * from {{ ref('fct_support_tickets') }}
),

grouped as (
    select
        coalesce(category, 'unknown') as category,
        coalesce(channel, 'unknown') as channel,
        {{ year_month('created_at') }} as month,
        is_open,
        resolution_hours,
        satisfaction_score
    from tickets
    where not is_after_as_of and created_at is not null
)

select
    category,
    channel,
    month,
    count(*) as tickets,
    {{ count_if('not is_open') }} as resolved,
    round(median(resolution_hours), 6) as median_resolution_hours,
    {{ exact_avg('satisfaction_score') }} as avg_satisfaction
from grouped
group by category, channel, month
