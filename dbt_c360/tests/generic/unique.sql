{#- Replaces dbt's own test: if changed rows are known, only these can have become duplicates. -#}
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
