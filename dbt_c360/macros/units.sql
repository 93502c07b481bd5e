{#-
    Units that went out and came back, of an order's lines of one product. What a refunded order sent
    out came back whole; its lines that take something back are part of that, or all there is.
-#}

{#- As with revenue, an order that was called off, is still to come or has no day moved nothing. -#}
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
