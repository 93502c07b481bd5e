-- Joins neither lose nor multiply order lines. Error: rows were lost or doubled.
{{ config(meta={'dagster': {'ref': {'name': 'purchase_history'}}}) }}

with

counted as (
    select
        (select count(*) from {{ ref('stg_sales') }}) as sales,
        (select count(*) from {{ ref('fct_order_lines') }}) as order_lines,
        (select count(*) from {{ ref('purchase_history') }}) as purchases
)

select
    sales,
    order_lines,
    purchases
from counted
where sales <> order_lines or sales <> purchases
