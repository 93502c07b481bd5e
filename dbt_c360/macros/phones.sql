{#- Writes phone numbers as digits with the calling code; `codes` is a row of calling_codes. -#}

{#- The digits without an extension and without a trunk zero in brackets. -#}
{% macro dialled_digits(phone) -%}
    {%- set number = dbt.split_part('lower(' ~ phone ~ ')', "'x'", 1) -%}
    {{ digits_only('replace(' ~ number ~ ", '(0)', '')") }}
{%- endmacro %}

{#- Only a leading zero is removed: it is a trunk prefix, but a leading 1 may be a calling code. -#}
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
    A number is valid if its length is right for its country (8 to 15 digits for other countries)
    and if it is not a single digit repeated, as people write who must give a number and have none.
    The result is null without a number.
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
