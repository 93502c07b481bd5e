{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_order_lines', 'customer_id'),
    naming_changed(
        'dim_products', 'customer_id', by='product_id', table='gold.fct_order_lines'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

preferences as (
    select * from {{ ref('product_preferences') }}
    {{ only_touched(touched) }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched) }}
),

products as (
    select * from {{ ref('dim_products') }}
),

categories as (
    select
        customer_id,
        {{ count_if('is_bought') }} as categories_purchased,
        max(case when preference_rank = 1 and is_bought then category end) as favourite_category
    from preferences
    group by customer_id
),

bought_brands as (
    select distinct
        lines.customer_id,
        products.brand
    from lines
    inner join products
        on lines.product_id = products.product_id
    where
        lines.is_counted
        and lines.quantity > 0
        and lines.customer_id is not null
        and products.brand is not null
),

brands as (
    select
        customer_id,
        count(*) as brands_purchased
    from bought_brands
    group by customer_id
)

select
    coalesce(categories.customer_id, brands.customer_id) as customer_id,
    coalesce(categories.categories_purchased, 0) as categories_purchased,
    coalesce(brands.brands_purchased, 0) as brands_purchased,
    categories.favourite_category
from categories
full outer join brands
    on categories.customer_id = brands.customer_id
