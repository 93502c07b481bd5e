{#- Channels without a store to visit; where there are more, they are named here alone. -#}
{% macro online_channels() -%}
    ('online', 'mobile')
{%- endmacro %}
