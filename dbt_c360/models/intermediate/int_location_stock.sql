with

versions as (
    select * from {{ ref('stg_inventory_versions') }}
)

select
    coalesce(location_id, 'unknown') as location_id,
    {{ year_month('last_updated_at') }} as month,
    {{ ratio(count_if('stock_quantity <= 0'), 'count(stock_quantity)') }} as stock_out_rate
from versions
where not is_after_as_of and last_updated_at is not null
group by coalesce(location_id, 'unknown'), {{ year_month('last_updated_at') }}
