with

shipments as (
    select * from {{ ref('fct_shipments') }}
)

select
    coalesce(origin_location_id, 'unknown') as location_id,
    {{ year_month('ship_date') }} as month,
    {{ ratio(
        count_if('is_delivered and not is_late'),
        count_if('is_late or (is_delivered and is_late is not null)')
    ) }} as on_time_rate,
    {{ exact_avg('delivery_days') }} as avg_delivery_days,
    {{ money_ratio('sum(shipping_cost)', 'count(shipping_cost)') }} as avg_shipping_cost
from shipments
where not is_after_as_of and ship_date is not null
group by coalesce(origin_location_id, 'unknown'), {{ year_month('ship_date') }}
