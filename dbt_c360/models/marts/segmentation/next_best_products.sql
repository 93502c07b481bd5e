with

suggestions as (
    select * from {{ source('science', 'next_products') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
)

select
    suggestions.customer_id,
    suggestions.rank,
    suggestions.product_id,
    round(suggestions.score, 6) as score
from suggestions
inner join customers
    on suggestions.customer_id = customers.customer_id
