{#-
    The month as text ('2024-09'), the first day of the month and of the month before, the Monday of
    the week, and the time between two dates.
-#}

{% macro year_month(date) -%}
    {{ adapter.dispatch('year_month', 'c360')(date) }}
{%- endmacro %}

{% macro default__year_month(date) -%}
    to_char({{ date }}, 'YYYY-MM')
{%- endmacro %}

{% macro duckdb__year_month(date) -%}
    strftime({{ date }}, '%Y-%m')
{%- endmacro %}

{% macro spark__year_month(date) -%}
    date_format({{ date }}, 'yyyy-MM')
{%- endmacro %}

{% macro month_start(date) -%}
    cast({{ dbt.date_trunc('month', date) }} as date)
{%- endmacro %}

{% macro month_before(month) -%}
    cast({{ dbt.dateadd('month', -1, month) }} as date)
{%- endmacro %}

{% macro week_start(date) -%}
    cast({{ dbt.date_trunc('week', date) }} as date)
{%- endmacro %}

{#- Whole days from the first date to the second; both are dates. -#}
{% macro days_between(earlier, later) -%}
    {{ adapter.dispatch('days_between', 'c360')(earlier, later) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    {{ dbt.datediff(earlier, later, 'day') }}
{%- endmacro %}

{#- Spark's datediff gives a number of 32 bits, so it is cast. -#}
{% macro spark__days_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, 'day') }} as bigint)
{%- endmacro %}

{% macro hours_between(earlier, later) -%}
    {{ dbt.datediff(earlier, later, 'second') }} / 3600.0
{%- endmacro %}
