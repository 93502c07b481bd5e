{#- In place of dbt's own test: of changed rows alone, where only they can have become double. -#}
{% test unique(model, column_name) -%}

select
    {{ column_name }} as unique_field,
    count(*) as n_records
from (
    {{ changed_rows(model, column_name) }}
) as rows_to_test
group by {{ column_name }}
having count(*) > 1 and {{ column_name }} is not null

{% endtest %}
