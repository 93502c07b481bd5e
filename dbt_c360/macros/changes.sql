{#-
    Working out only what has changed since the last finished build (docs/adr/0037). `since` is that
    build's as-of day, null where everything is built; c360_dagster/building/changes.py decides. Schema
    `changes` holds, per incremental model, the rows that have changed since: as they were and as
    they are. Who reads a model finds there which of its own rows to work out anew: `touched` names
    the key of those rows and the queries that find them, among which `{this}` is the model's table.
-#}

{% macro works_partly() -%}
    {{ return(var('since') is not none and model.config.materialized == 'incremental') }}
{%- endmacro %}

{#- The keys of a model's changed rows. -#}
{% macro changed(model, key) -%}
    select {{ key }} from changes.{{ model }}
{%- endmacro %}

{#- The keys of rows, here or in another table, that name a changed row of the model. -#}
{% macro naming_changed(model, key, by, column=none, table='{this}') -%}
    select {{ key }} from {{ table }}
    where {{ by }} in (select {{ column or by }} from changes.{{ model }})
{%- endmacro %}

{#- The customers to whom a source's changed records belong: there the record is the customer. -#}
{% macro of_changed_records(model, table='gold.customer_identities') -%}
    {{ naming_changed(model, 'customer_id', by='source_id', column='customer_id', table=table) }}
{%- endmacro %}

{#- The keys of rows of a table that Python made anew, where they say something else than here. -#}
{% macro differing(table, columns) -%}
    select {{ columns.split(',')[0] }} from
    (select {{ columns }} from {{ table }} except select {{ columns }} from {this}) as other
{%- endmacro %}

{#-
    The same of a large table, in both directions: what is said on both sides adds up to nothing, and
    nothing as wide as a row is kept.
-#}
{% macro differing_rows(table, columns) -%}
    {%- set key = columns.split(',')[0] -%}
    select {{ key }} from (
        select {{ key }}, cast(hash({{ columns }}) >> 1 as bigint) as said from {{ table }}
        union all
        select {{ key }}, -cast(hash({{ columns }}) >> 1 as bigint) as said from {this}
    ) as either
    group by {{ key }}
    having sum(said) <> 0
{%- endmacro %}

{#- The keys of rows with a day that the as-of day may have passed, or one so much later. -#}
{% macro passed(table, key, day, days_later=0) -%}
    {%- set earliest = dbt.dateadd('day', -days_later, "cast('{since}' as date)") -%}
    {%- set latest = dbt.dateadd('day', 1 - days_later, 'as_of_date') -%}
    select {{ key }} from {{ table }}
    where
        {{ day }} >= {{ earliest }}
        and {{ day }} <= (select {{ latest }} from silver.int_data_clock)
{%- endmacro %}

{#-
    A filter on the touched keys where the model works partly; nothing where it works out all. Of a
    `table`, not a view, other columns are read of these rows alone.
-#}
{% macro only_touched(touched, key=none, table=none) -%}
    {%- if works_partly() -%}
        {%- set key, keys = key or touched.key, 'select * from ' ~ touched_keys() -%}
        {%- if table -%}
            {{ rows_in(table, key, keys) }}
        {%- else -%}
            where ({{ key }}) in ({{ keys }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- A filter on the rows that others will be joined with; without it a table is held as a whole. -#}
{% macro only_named(key, by) -%}
    {%- if works_partly() -%}
        where ({{ key }}) in (select {{ by }})
    {%- endif -%}
{%- endmacro %}

{#- They are found once, before the model itself is worked out. -#}
{% macro touched_keys() -%}
    touched__{{ this.identifier }}
{%- endmacro %}

{% macro find_touched_keys(touched) -%}
    create or replace temporary table {{ touched_keys() }} as
    {{
        touched.found | join(' union ')
        | replace('{this}', this | string) | replace('{since}', var('since') | string)
    }}
{%- endmacro %}

{#-
    Rows that were worked out take the place of those that stand: of all rows with touched keys, so
    that one that is not there any more goes; of rows with keys that were worked out (`by_key`); of
    all (`whole`). Written, and told to who reads the model, is what differs. Columns meet by their
    place: tests/dbt/test_lineage.py holds every query to the order of its model's yml.
-#}
{% macro put_rows(target, query) -%}
    {%- set strategy, touched = config.get('incremental_strategy'), config.get('meta').touched -%}
    {%- set key = key_columns(config.get('unique_key')) -%}
    {%- set found, stood, changed = 'found_rows', 'stood_rows', 'changed_rows' -%}
    {%- if strategy == 'by_key' -%}
        {%- set scope = rows_in(target, key, 'select ' ~ key ~ ' from ' ~ found) -%}
    {%- elif strategy == 'touched' -%}
        {%- set scope = rows_in(target, touched.key, 'select * from ' ~ touched_keys()) -%}
    {%- endif -%}
    create or replace temporary table {{ found }} as (
        {{ query }}
    );

    create or replace temporary table {{ stood }} as (
        select rowid as stood_at, * from {{ target }} {{ scope }}
    );

    {% set rows_that_stood = '(select * exclude (stood_at) from ' ~ stood ~ ')' -%}
    create or replace temporary table {{ changed }} as
    (from {{ rows_that_stood }} except from {{ found }})
    union all (from {{ found }} except from {{ rows_that_stood }});

    insert into changes.{{ target.identifier }} from {{ changed }};

    {# By their numbers: looking for keys once more would cost as much as finding them did. -#}
    delete from {{ target }} where rowid in (
        select stood_at from {{ stood }} where ({{ key }}) in (select {{ key }} from {{ changed }})
    );

    insert into {{ target }} from {{ found }}
    where ({{ key }}) in (select {{ key }} from {{ changed }});

    {# What it was made of is not true any more; what it is made of now is written in the end. -#}
    comment on table {{ target }} is 'continued'
{%- endmacro %}

{#- By way of their numbers, so that the other columns are read of these rows alone. -#}
{% macro rows_in(relation, key, keys) -%}
    where rowid in (select rowid from {{ relation }} where ({{ key }}) in ({{ keys }}))
{%- endmacro %}

{% macro key_columns(unique_key) -%}
    {{ unique_key if unique_key is string else unique_key | join(', ') }}
{%- endmacro %}

{#- Whether a model's changed rows are known; else all may have changed. -#}
{% macro knows_changes(relation) -%}
    {{ return(
        execute and var('since') is not none and relation.identifier in incremental_models()
    ) }}
{%- endmacro %}

{#-
    The rows of which a test of a key has to know: the changed ones, or all. Nulls are asked for
    apart: where no part of a column holds one, none is read.
-#}
{% macro changed_rows(relation, key) -%}
    select {{ key }} from {{ relation }} {{ only_changed(relation, key) }}
{%- endmacro %}

{% macro only_changed(relation, key) -%}
    {%- if knows_changes(relation) -%}
        where ({{ key }}) in (select {{ key }} from changes.{{ relation.identifier }})
        {%- for column in key.split(', ') %}
            union all
            select {{ key }} from {{ relation }} where {{ column }} is null
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{#- A further condition, where the changed rows of both sides are known: only they part. -#}
{% macro only_lost(model, column_name, to, field) -%}
    {%- set is_error = config.get('severity', 'error') | lower == 'error' -%}
    {%- if is_error and knows_changes(model) and knows_changes(to) -%}
        and {{ column_name }} in (
            select lost.value
            from (
                select {{ column_name }} as value from changes.{{ model.identifier }}
                union
                select {{ field }} as value from changes.{{ to.identifier }}
            ) as lost
            where
                lost.value is not null
                and lost.value not in (
                    select {{ field }} from {{ to }} where {{ field }} is not null
                )
        )
    {%- endif -%}
{%- endmacro %}

{% macro incremental_models() -%}
    {%- set kind = 'config.materialized' -%}
    {%- set found = graph.nodes.values() | selectattr(kind, 'equalto', 'incremental') -%}
    {{ return(found | map(attribute='alias') | list) }}
{%- endmacro %}
