{#- Money is DECIMAL, a ratio is a DOUBLE rounded to six decimals; nothing is divided by zero. -#}

{% macro money(column) -%}
    cast(round({{ column }}, 2) as decimal(18, 2))
{%- endmacro %}

{#- Money in the reporting currency. One digit wider first: the product of two decimals of eighteen
    digits has eighteen in DuckDB, which an order of a hundred million does not fit. It is slow, and
    most amounts need no rate. -#}
{% macro converted(amount, rate) -%}
    case
        when {{ rate }} = 1 then cast({{ amount }} as decimal(18, 2))
        else {{ money('cast(' ~ amount ~ ' as decimal(19, 2)) * ' ~ rate) }}
    end
{%- endmacro %}

{% macro money_sum(expression) -%}
    cast(coalesce(sum({{ expression }}), 0) as decimal(18, 2))
{%- endmacro %}

{% macro ratio(numerator, denominator) -%}
    round(cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0), 6)
{%- endmacro %}

{#- An average of money stays money: six decimals, so that nothing is lost before it is shown, and
    as many digits before them as a sum has: an order has many lines, a forecast many orders. -#}
{% macro money_ratio(numerator, denominator) -%}
    cast({{ ratio(numerator, denominator) }} as decimal(22, 6))
{%- endmacro %}

{#- An average of exact numbers: sum first, divide once, so that row order cannot matter. -#}
{% macro exact_avg(expression) -%}
    {{ ratio('sum(' ~ expression ~ ')', 'count(' ~ expression ~ ')') }}
{%- endmacro %}

{% macro count_if(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}

{#- Twice the middle of the places that equals share, less one, among those who ordered. -#}
{% macro shared_position(column, direction) -%}
    case
        when has_ordered
            then
                2 * rank() over (partition by has_ordered order by {{ column }} {{ direction }})
                + count(*) over (partition by has_ordered, {{ column }}) - 2
    end
{%- endmacro %}
