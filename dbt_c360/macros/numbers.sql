{#- Money is DECIMAL, and a ratio is a DOUBLE rounded to six decimals, or null instead of x/0. -#}

{% macro money(column) -%}
    cast(round({{ column }}, 2) as decimal(18, 2))
{%- endmacro %}

{#- Money in the reporting currency. The amount is first made one digit wider, because in DuckDB the
    product of two decimals of 18 digits has only 18, too few for an order of a hundred million.
    That is slow, so an amount at a rate of 1, as most are, is not multiplied. -#}
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

{#- An average of money is a decimal, too. It has six decimals, so that nothing is lost before it is
    shown, and as many digits before them as a sum, because what is averaged may itself be a sum: an
    order of many lines, a forecast of many orders. -#}
{% macro money_ratio(numerator, denominator) -%}
    cast({{ ratio(numerator, denominator) }} as decimal(22, 6))
{%- endmacro %}

{#- An average of exact numbers: sums first and divides once, so that row order has no effect. -#}
{% macro exact_avg(expression) -%}
    {{ ratio('sum(' ~ expression ~ ')', 'count(' ~ expression ~ ')') }}
{%- endmacro %}

{% macro count_if(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}

{#-
    The position among those who have ordered. Equal values share the middle of their positions; the
    result is twice that middle, less one, which is always a whole number.
-#}
{% macro shared_position(column, direction) -%}
    case
        when has_ordered
            then
                2 * rank() over (partition by has_ordered order by {{ column }} {{ direction }})
                + count(*) over (partition by has_ordered, {{ column }}) - 2
    end
{%- endmacro %}
