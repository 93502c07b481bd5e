{#-
    The columns together name one row, and none of them is null. Where only changed rows were worked
    out, only they can have become double; a run in which a test fails does not finish its build, so
    that they are looked at again.
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
