{#-
    The columns together identify one row, and none of them is null. If only changed rows were
    recomputed, only these can have become duplicates. A build with a failed test is not finished,
    so the next one tests the same rows again.
-#}
{% test unique_key(model, columns) -%}

select
    {{ columns | join(', ') }},
    count(*) as rows_with_key
from (
    {{ changed_rows(model, columns | join(', ')) }}
) as rows_to_test
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}

{% endtest %}
