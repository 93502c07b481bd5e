{#- Channels without a store to visit; where there are more, they are named here alone. -#}
{% macro online_channels() -%}
    ('online', 'mobile', 'web', 'webshop', 'website', 'app', 'ecommerce')
{%- endmacro %}

{#-
    Where somebody comes or orders: online there is no store, whatever stands beside it; elsewhere
    none is unknown.
-#}
{% macro visited_location(location, channel) -%}
    case
        when {{ channel }} in {{ online_channels() }} or lower({{ location }}) = 'online' then 'online'
        when coalesce({{ channel }}, 'store') = 'store' then coalesce({{ location }}, 'unknown')
        else coalesce({{ location }}, 'online')
    end
{%- endmacro %}
