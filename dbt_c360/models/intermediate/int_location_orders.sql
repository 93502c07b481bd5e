with

orders as (
    select * from {{ ref('int_order_locations') }}
)

select
    location_id,
    {{ year_month('ordered_at') }} as month,
    count(*) as orders
from orders
group by location_id, {{ year_month('ordered_at') }}
