with

inventory as (
    select * from {{ ref('stg_inventory') }}
),

-- if a shelf has several records, the last count is right; one without a quantity is no count
ranked as (
    select
        product_id,
        stock_quantity,
        row_number() over (
            partition by product_id, location_id
            order by
                case when last_updated_at is null then 1 else 0 end,
                last_updated_at desc,
                inventory_id asc
        ) as count_rank
    from inventory
    where not is_after_as_of and product_id is not null and stock_quantity is not null
)

select
    product_id,
    cast(sum(stock_quantity) as bigint) as stock_on_hand,
    {{ count_if('stock_quantity <= 0') }} as stock_outs
from ranked
where count_rank = 1
group by product_id
