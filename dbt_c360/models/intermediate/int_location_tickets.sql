with

tickets as (
    select * from {{ ref('int_ticket_locations') }}
)

select
    location_id,
    {{ year_month('created_at') }} as month,
    count(*) as tickets,
    {{ exact_avg('cast(resolution_hours as decimal(18, 6))') }} as avg_resolution_hours
from tickets
group by location_id, {{ year_month('created_at') }}
