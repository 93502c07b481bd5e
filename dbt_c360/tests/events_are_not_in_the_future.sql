-- An event after the as-of day is kept, but left out of every sum. Warn: either its date is
-- mistyped or somebody chose an earlier as-of day.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

{% set facts = {
    'fct_orders': 'order_date',
    'fct_support_tickets': 'cast(created_at as date)',
    'fct_sessions': 'session_date',
    'fct_shipments': 'ship_date',
    'dim_customers': 'cast(registered_at as date)',
} %}

{% for fact, day in facts.items() %}
    select
        '{{ fact }}' as table_name,
        count(*) as events,
        min({{ day }}) as first_date,
        max({{ day }}) as last_date
    from {{ ref(fact) }}
    where is_after_as_of
    having count(*) > 0
    {{ 'union all' if not loop.last }}
{% endfor %}
