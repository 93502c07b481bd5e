{#- The channels without a store to visit. Only this list names them: add your own words here. -#}
{% macro online_channels() -%}
    ('online', 'mobile', 'web', 'webshop', 'website', 'app', 'ecommerce')
{%- endmacro %}

{#-
    The store in which somebody is or orders. It is 'online' for online channels, even if a location
    is given, and 'unknown' for a store order without a location. Any other channel without a
    location counts as online.
-#}
{% macro visited_location(location, channel) -%}
    case
        when {{ channel }} in {{ online_channels() }} or lower({{ location }}) = 'online' then 'online'
        when coalesce({{ channel }}, 'store') = 'store' then coalesce({{ location }}, 'unknown')
        else coalesce({{ location }}, 'online')
    end
{%- endmacro %}
