{#-
    Replaces dbt's own test. With severity error, it looks at changed rows only, if they are known;
    with severity warn, it counts all rows, also unchanged ones.
-#}
{% test relationships(model, column_name, to, field) -%}

with

child as (
    select {{ column_name }} as from_field
    from {{ model }}
    where {{ column_name }} is not null {{ only_lost(model, column_name, to, field) }}
),

parent as (
    select {{ field }} as to_field
    from {{ to }}
)

select child.from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null

{% endtest %}
