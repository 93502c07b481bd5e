{#-
    Whether an order or line is in revenue, orders and spend: it is completed, has a date, and is not
    after the as-of day.
-#}
{% macro is_counted(placed_at) -%}
    coalesce(
        order_status = 'completed' and not is_after_as_of and {{ placed_at }} is not null, false
    )
{%- endmacro %}
