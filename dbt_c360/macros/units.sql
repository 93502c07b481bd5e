{#-
    How many units of one product an order's lines sent out and took back. Of a refunded order, all
    units that were sent out came back. Its lines that take something back are part of these units,
    unless they take back more.
-#}

{#- As with revenue, orders that are cancelled, in the future or without a day do not count. -#}
{% macro has_moved() -%}
    order_status in ('completed', 'refunded') and not is_after_as_of and order_date is not null
{%- endmacro %}

{% macro units_out() -%}
    sum(case when {{ has_moved() }} and quantity > 0 then quantity else 0 end)
{%- endmacro %}

{% macro units_taken_back() -%}
    sum(case when {{ has_moved() }} and quantity < 0 then -quantity else 0 end)
{%- endmacro %}

{% macro units_back() -%}
    case
        when max(order_status) = 'refunded' and {{ units_out() }} > {{ units_taken_back() }}
            then {{ units_out() }}
        else {{ units_taken_back() }}
    end
{%- endmacro %}
