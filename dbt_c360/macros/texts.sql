{#- How silver cleans text: empty cells become null, and names are all written in the same way. -#}

{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{% macro clean_lower(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}

{% macro clean_upper(column) -%}
    nullif(upper(trim({{ column }})), '')
{%- endmacro %}

{#-
    For names and addresses: what databases and forms write for an empty value becomes null. This is
    not used for ids, because `-` may be an id.
-#}
{% macro stated(column) -%}
case
            when trim({{ column }}) not in ('', '-', '--', 'NULL', 'null', 'N/A', 'n/a', '#N/A')
                then trim({{ column }})
        end
{%- endmacro %}

{#- Shops write '01067 and '+49 30 1234567, so that spreadsheets do not take them for numbers. -#}
{% macro without_apostrophe(column) -%}
    replace({{ column }}, '''', '')
{%- endmacro %}

{#- Removes a title before a name, so that the first name of `Dr. Jane Doe` is Jane. -#}
{% macro without_title(name) -%}
    {%- set word = dbt.split_part(name, "' '", 1) -%}
    case
            when
                replace(lower({{ word }}), '.', '') in (
                    'mr', 'mrs', 'ms', 'miss', 'mx', 'dr', 'prof', 'professor',
                    'herr', 'frau', 'monsieur', 'madame', 'mme', 'mlle'
                )
                then {{ clean_text('substr(' ~ name ~ ', length(' ~ word ~ ') + 1)') }}
            else {{ name }}
        end
{%- endmacro %}

{#-
    Gives each word a capital, also in Jean-Luc and O'Neil, but only if the source wrote the whole
    name in one case, so that McDonald stays as it is.
-#}
{% macro clean_name(column) -%}
case
            when {{ column }} = upper({{ column }}) or {{ column }} = lower({{ column }})
                then {{ title_case(clean_text(column)) }}
            else {{ clean_text(column) }}
        end
{%- endmacro %}

{% macro title_case(text) -%}
    {{ adapter.dispatch('title_case', 'c360')(text) }}
{%- endmacro %}

{#- In Spark a word begins only after a space, so that Jean-Luc becomes Jean-luc. -#}
{% macro default__title_case(text) -%}
    initcap({{ text }})
{%- endmacro %}

{% macro duckdb__title_case(text) -%}
array_to_string(
                    list_transform(
                        regexp_extract_all({{ text }}, '[^ ''’-]+[ ''’-]*|[ ''’-]+'),
                        lambda word: upper(word[1]) || lower(word[2:])
                    ), ''
                )
{%- endmacro %}

{% macro snowflake__title_case(text) -%}
    initcap({{ text }}, ' ''’-')
{%- endmacro %}

{% macro digits_only(text) -%}
    {{ adapter.dispatch('digits_only', 'c360')(text) }}
{%- endmacro %}

{% macro default__digits_only(text) -%}
    regexp_replace({{ text }}, '[^0-9]', '')
{%- endmacro %}

{% macro duckdb__digits_only(text) -%}
    regexp_replace({{ text }}, '[^0-9]', '', 'g')
{%- endmacro %}

{#- The distinct values in alphabetical order, so that the text is the same every time. -#}
{% macro sorted_list(text) -%}
    {{ adapter.dispatch('sorted_list', 'c360')(text) }}
{%- endmacro %}

{% macro default__sorted_list(text) -%}
    string_agg(distinct {{ text }}, ',' order by {{ text }})
{%- endmacro %}

{% macro spark__sorted_list(text) -%}
    array_join(sort_array(collect_set({{ text }})), ',')
{%- endmacro %}

{% macro snowflake__sorted_list(text) -%}
    listagg(distinct {{ text }}, ',') within group (order by {{ text }})
{%- endmacro %}
