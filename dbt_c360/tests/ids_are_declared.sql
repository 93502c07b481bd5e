-- Whom or what events alone name stands in gold without attributes. Warn: a file lacks rows, or
-- writes the ids otherwise (12346.0 for 12346). Where no file declares any id, nothing is amiss.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'dim_customers'}}}) }}

{% for table in ['dim_customers', 'dim_products', 'dim_stores'] %}
    select
        '{{ table }}' as table_name,
        sum(case when is_inferred then 1 else 0 end) as undeclared_ids,
        count(*) as all_ids
    from {{ ref(table) }}
    having sum(case when is_inferred then 1 else 0 end) between 1 and count(*) - 1
    {{ 'union all' if not loop.last }}
{% endfor %}
