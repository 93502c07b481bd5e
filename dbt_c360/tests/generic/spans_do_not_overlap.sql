{#- Each version of a key ends where the next begins, and exactly one has no end. -#}
{% test spans_do_not_overlap(model, key) %}

with

spans as (
    select
        {{ key }},
        valid_from,
        valid_to,
        lead(valid_from) over (partition by {{ key }} order by valid_from) as next_from
    from {{ model }}
)

select *
from spans
where
    coalesce(valid_to, cast('9999-12-31' as date)) <> coalesce(next_from, cast('9999-12-31' as date))
    or valid_to <= valid_from

{% endtest %}
