{#- A phone number as digits with its country's calling code; `codes` is a row of calling_codes. -#}

{#- What was dialled: no extension, no trunk zero in brackets. -#}
{% macro dialled_digits(phone) -%}
    {%- set number = dbt.split_part('lower(' ~ phone ~ ')', "'x'", 1) -%}
    {{ digits_only('replace(' ~ number ~ ", '(0)', '')") }}
{%- endmacro %}

{#- Only a leading zero is always a trunk prefix: a leading 1 may also be the calling code. -#}
{% macro full_phone(phone, digits, codes) -%}
case
            when {{ digits }} = '' then null
            when {{ phone }} like '+%' then {{ digits }}
            when {{ phone }} like '00%' then substr({{ digits }}, 3)
            when {{ codes }}.calling_code is null then {{ digits }}
            when
                length({{ digits }}) > {{ codes }}.max_digits
                and {{ digits }} like {{ codes }}.calling_code || '%'
                then {{ digits }}
            when
                {{ codes }}.trunk_prefix like '0%'
                and {{ digits }} like {{ codes }}.trunk_prefix || '%'
                then
                    {{ codes }}.calling_code
                    || substr({{ digits }}, length({{ codes }}.trunk_prefix) + 1)
            else {{ codes }}.calling_code || {{ digits }}
        end
{%- endmacro %}

{#-
    Right in length for its country, 8 to 15 digits for one from elsewhere, and not one digit over and
    over, as who is asked for a number and has none writes; null without one.
-#}
{% macro is_phone_valid(full_phone) -%}
    {%- set last = 'substr(' ~ full_phone ~ ', length(' ~ full_phone ~ '), 1)' -%}
    case
        when {{ full_phone }} is null then null
        when {{ full_phone }} like calling_code || '%'
            then
                length({{ full_phone }}) - length(calling_code) between min_digits and max_digits
                and replace(substr({{ full_phone }}, length(calling_code) + 1), {{ last }}, '') <> ''
        else
            length({{ full_phone }}) between 8 and 15
            and replace({{ full_phone }}, {{ last }}, '') <> ''
    end
{%- endmacro %}
