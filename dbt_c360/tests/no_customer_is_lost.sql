-- Every record belongs to a customer, and every customer is in each customer table and has one
-- current version in the history. Error: rows were lost.
{{ config(meta={'dagster': {'ref': {'name': 'mart_customer_360'}}}) }}

{% set customer_tables = [
    'dim_customers', 'mart_customer_360', 'customer_profile', 'customer_rfm', 'engagement_metrics',
] %}

with

expected as (
    select count(distinct customer_id) as customers from {{ ref('customer_identities') }}
),

counted as (
    select
        'dim_customers_history' as table_name,
        count(*) as customers
    from {{ ref('dim_customers_history') }}
    where valid_to is null
    union all
    {% for table in customer_tables %}
        select
            '{{ table }}' as table_name,
            count(*) as customers
        from {{ ref(table) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    counted.table_name,
    counted.customers,
    expected.customers as customers_expected
from counted
cross join expected
where counted.customers <> expected.customers
