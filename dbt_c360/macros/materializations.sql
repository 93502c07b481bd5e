{#-
    How tables, views and the failed rows of tests are written in DuckDB. dbt's own way is for
    databases that cannot replace a table within a transaction: it makes a second table and swaps
    names, in a dozen statements. Here it is one transaction of two or three statements. Other
    engines keep dbt's own way.
-#}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {{ make_way_for(target) }}
    {% call statement('main') -%}
        {{ put_table(target) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- Writes only changed rows if the build continues another one (changes.sql), else the table. -#}
{% materialization incremental, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- if works_partly() -%}
        {%- set touched = config.get('meta').touched -%}
        {% call statement('main') -%}
            {{ find_touched_keys(touched) ~ ';' if touched }}
            {{ put_rows(target, compiled_code) }}
        {%- endcall %}
    {%- else -%}
        {{ make_way_for(target) }}
        {% call statement('main') -%}
            {{ put_table(target) }}
        {%- endcall %}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% macro put_table(target) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
        create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
        insert into {{ target }} {{ get_column_names() }} (
            {{ get_select_subquery(compiled_code) }}
        )
    {%- else -%}
        create or replace table {{ target }} as (
            {{ compiled_code }}
        )
    {%- endif -%}
{%- endmacro %}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {{ make_way_for(target) }}
    {% call statement('main') -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(sql) }}
        {%- endif -%}
        create or replace view {{ target }} as (
            {{ sql }}
        )
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- A view cannot be replaced by a table, nor a table by a view. -#}
{% macro make_way_for(target) -%}
    {%- set standing = load_cached_relation(target) -%}
    {%- if standing is not none and standing.type != target.type -%}
        {%- do adapter.drop_relation(standing) -%}
    {%- endif -%}
{%- endmacro %}

{#- A test's failed rows are kept in a table of their own, which is dropped if no row failed. -#}
{% materialization test, adapter='duckdb' %}
    {%- set limit = config.get('limit') -%}
    {%- set kept = this.incorporate(type='table') -%}
    {% call statement('main', fetch_result=true, auto_begin=false) -%}
        {{ get_test_sql(
            sql, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit
        ) }}
    {%- endcall %}
    {%- if should_store_failures() -%}
        {%- if load_result('main')['data'][0][0] -%}
            {% call statement('keep') -%}
                create or replace table {{ kept }} as (
                    {{ get_limit_subquery_sql(sql, limit) }}
                )
            {%- endcall %}
            {{ adapter.commit() }}
        {%- else -%}
            {{ drop_relation_if_exists(load_cached_relation(kept)) }}
        {%- endif -%}
    {%- endif -%}
    {{ return({'relations': []}) }}
{% endmaterialization %}
