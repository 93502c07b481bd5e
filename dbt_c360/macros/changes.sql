{#-
    These macros recompute only what has changed since the last finished build (docs/adr/0037). The
    variable `since` is that build's as-of day, or null if everything is built;
    c360_dagster/building/changes.py decides which. For each incremental model, the schema `changes`
    holds the rows that have changed, as they were and as they are now. A model that reads another
    finds there which of its own rows to recompute: its setting `touched` names the key of these
    rows and the queries that find them. In these queries `{this}` stands for the model's own table.
-#}

{% macro works_partly() -%}
    {{ return(var('since') is not none and model.config.materialized == 'incremental') }}
{%- endmacro %}

{#- The keys of a model's changed rows. -#}
{% macro changed(model, key) -%}
    select {{ key }} from changes.{{ model }}
{%- endmacro %}

{#- The keys of rows, here or in another table, that refer to a changed row of the model. -#}
{% macro naming_changed(model, key, by, column=none, table='{this}') -%}
    select {{ key }} from {{ table }}
    where {{ by }} in (select {{ column or by }} from changes.{{ model }})
{%- endmacro %}

{#- The customers to whom changed records belong; in `changes`, customer_id is the record's id. -#}
{% macro of_changed_records(model, table='gold.customer_identities') -%}
    {{ naming_changed(model, 'customer_id', by='source_id', column='customer_id', table=table) }}
{%- endmacro %}

{#- The keys of rows of a table that Python rewrites, if they differ from the model's own rows. -#}
{% macro differing(table, columns) -%}
    select {{ columns.split(',')[0] }} from
    (select {{ columns }} from {{ table }} except select {{ columns }} from {this}) as other
{%- endmacro %}

{#-
    The same for a large table, in both directions. The hashes of rows that are equal on both sides
    add up to zero, so that no whole rows need to be kept in memory.
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

{#- Keys of rows whose day (plus `days_later`) the as-of day may have passed since that build. -#}
{% macro passed(table, key, day, days_later=0) -%}
    {%- set earliest = dbt.dateadd('day', -days_later, "cast('{since}' as date)") -%}
    {%- set latest = dbt.dateadd('day', 1 - days_later, 'as_of_date') -%}
    select {{ key }} from {{ table }}
    where
        {{ day }} >= {{ earliest }}
        and {{ day }} <= (select {{ latest }} from silver.int_data_clock)
{%- endmacro %}

{#-
    A filter on the touched keys if the model works partly, else nothing. With `table` (which must
    not be a view), the other columns are read for these rows only.
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

{#- A filter on the rows that will be joined; without it the whole table would be in memory. -#}
{% macro only_named(key, by) -%}
    {%- if works_partly() -%}
        where ({{ key }}) in (select {{ by }})
    {%- endif -%}
{%- endmacro %}

{#- The temporary table of the touched keys, which are found once, before the model's query. -#}
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
    Replaces old rows by the computed ones. The strategy says which: those with touched keys
    (`touched`), so that rows that no longer exist are deleted; those with the keys of computed rows
    (`by_key`); or all (`whole`). Only rows that differ are written, and put into `changes` for the
    models that read this one. Columns are matched by position; tests/dbt/test_lineage.py checks
    that every query has the order of its model's yml.
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

    {# By row number, because looking up the keys again would cost as much as finding them did. -#}
    delete from {{ target }} where rowid in (
        select stood_at from {{ stood }} where ({{ key }}) in (select {{ key }} from {{ changed }})
    );

    insert into {{ target }} from {{ found }}
    where ({{ key }}) in (select {{ key }} from {{ changed }});

    {# The table's comment, which says what it was made of, is outdated until the build ends. -#}
    comment on table {{ target }} is 'continued'
{%- endmacro %}

{#- A filter on keys, by row number, so that the other columns are read for these rows only. -#}
{% macro rows_in(relation, key, keys) -%}
    where rowid in (select rowid from {{ relation }} where ({{ key }}) in ({{ keys }}))
{%- endmacro %}

{% macro key_columns(unique_key) -%}
    {{ unique_key if unique_key is string else unique_key | join(', ') }}
{%- endmacro %}

{#- Whether a model's changed rows are known; if not, all rows may have changed. -#}
{% macro knows_changes(relation) -%}
    {{ return(
        execute and var('since') is not none and relation.identifier in incremental_models()
    ) }}
{%- endmacro %}

{#-
    The rows that a test of a key must look at: the changed ones if they are known, else all. Rows
    with nulls are always included; if a column has none, DuckDB need not read it for that.
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

{#- A condition if both sides' changed rows are known: only these can have lost their partner. -#}
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
