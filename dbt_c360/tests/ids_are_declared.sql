-- Customers, products and stores that only events name are in gold without attributes. Warn: their
-- own file lacks rows, or writes ids differently (12346.0 for 12346, NULL for none). If no id at
-- all is declared, nothing is wrong. One id is given as an example: how it is written mostly says
-- why.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'dim_customers'}}}) }}

{% set ids = {
    'dim_customers': 'customer_id', 'dim_products': 'product_id', 'dim_stores': 'store_id'
} %}

{% for table, id in ids.items() %}
    select
        '{{ table }}' as table_name,
        sum(case when is_inferred then 1 else 0 end) as undeclared_ids,
        count(*) as all_ids,
        max(case when is_inferred then {{ id }} end) as for_example
    from {{ ref(table) }}
    having sum(case when is_inferred then 1 else 0 end) between 1 and count(*) - 1
    {{ 'union all' if not loop.last }}
{% endfor %}
