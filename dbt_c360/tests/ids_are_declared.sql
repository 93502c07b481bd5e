-- Whom or what events alone name stands in gold without attributes. Warn: a file lacks rows, or
-- writes the ids otherwise (12346.0 for 12346, NULL for none). Where no file declares any id,
-- nothing is amiss. One of them is named: how it is written mostly says why.
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
