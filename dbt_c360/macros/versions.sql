{#- Bronze keeps every version of a record that ever landed; these macros choose among them. -#}

{#- Whether a file was known on the as-of day; a file without a date was always known. -#}
{% macro is_known(alias) -%}
    ({{ alias }}._known_at is null or {{ alias }}._known_at <= clock.as_of_date)
{%- endmacro %}

{#-
    Sorts later versions first: by the file's date (no date is the oldest), by its name, then by the
    record's number.
-#}
{% macro latest_first(alias) -%}
    coalesce({{ alias }}._known_at, cast('0001-01-01' as date)) desc,
                    {{ alias }}._file desc,
                    {{ alias }}._row desc
{%- endmacro %}

{#-
    Sorts the last answer given by the as-of day first, whatever the order of files and records. An
    answer without a time is as old as its file. Of answers given at the same time, the one in the
    later file counts. In files of the same day, no is the safer answer and comes first, then an
    empty cell, then yes.
-#}
{% macro last_answer_first(alias, answer, answered_at) -%}
    {%- set known_at = 'cast(' ~ alias ~ '._known_at as timestamp)' -%}
    {%- set earliest = "cast('0001-01-01' as timestamp)" -%}
    case when {{ is_after(alias ~ '.' ~ answered_at) }} then 1 else 0 end,
                    coalesce({{ alias }}.{{ answered_at }}, {{ known_at }}, {{ earliest }}) desc,
                    coalesce({{ known_at }}, {{ earliest }}) desc,
                    case
                        when not {{ alias }}.{{ answer }} then 0
                        when {{ alias }}.{{ answer }} then 2
                        else 1
                    end
{%- endmacro %}

{#- A column of a key as silver compares it: trimmed, and in lower case if case has no meaning. -#}
{% macro key_text(alias, column, caseless) -%}
    {%- set text = 'trim(cast(' ~ alias ~ '.' ~ column ~ ' as ' ~ dbt.type_string() ~ '))' -%}
    coalesce({{ 'lower(' ~ text ~ ')' if column in caseless else text }}, '')
{%- endmacro %}

{#-
    For each key the latest version that was known on the as-of day, or the one that `first` sorts
    first. If `day` says when an event happened, a flag marks events after the as-of day. Most keys
    have one version, so only keys with several are ranked, which keeps the window small in tables
    of millions of rows.
-#}
{% macro latest_versions(table, key, day=none, caseless=[], first=none) -%}
    {%- set source_relation = source('bronze', table) -%}
    {%- set clock = ref('int_data_clock') -%}
    {%- set relation = 'touched_versions' if works_partly() else source_relation -%}
    {%- if works_partly() -%}
    with touched_versions as (
        {{ touched_versions(source_relation, clock, key, day, caseless) }}
    )
    {%- endif %}
    select
        versions.*
    {%- if day -%}
        ,
        -- an event after the as-of day is kept and flagged; one without a day is not flagged
        coalesce(cast({{ day }} as date) > clock.as_of_date, false) as is_after_as_of
    {%- endif %}
    from {{ relation }} as versions
    cross join {{ clock }} as clock
    left join (
        {{ superseded_rows(relation, clock, key, caseless, first) }}
    ) as superseded
        on versions._file = superseded._file and versions._row = superseded._row
    where superseded._row is null and {{ is_known('versions') }}
{%- endmacro %}

{#-
    All versions of the keys that may have changed since the last finished build: because a file is
    new, because it is known by now and was not then, or because the as-of day has passed an event's
    day. Nearly all keys are written as they are compared, so they are looked up as written and only
    the others are trimmed: trimming millions of keys would cost more than finding them.
-#}
{% macro touched_versions(relation, clock, key, day, caseless) -%}
    with touched_keys as materialized (
        select {{ key_texts('fresh', key, caseless) }}
        from {{ relation }} as fresh
        where fresh._file in (select path from changes.files)
        union
        select {{ key_texts('known', key, caseless) }}
        from {{ relation }} as known
        cross join {{ clock }} as clock
        where {{ has_passed('known._known_at') }}
    {%- if day %}
        union
        select {{ key_texts('passed', key, caseless) }}
        from {{ relation }} as passed
        cross join {{ clock }} as clock
        where {{ has_passed(day) }}
    {%- endif %}
    )
    select * from {{ relation }}
    where rowid in (
        select versions.rowid
        from {{ relation }} as versions
        where ({{ written_texts('versions', key) }}) in (select * from touched_keys)
        union all
        select versions.rowid
        from {{ relation }} as versions
        where
            ({{ is_written_otherwise('versions', key, caseless) }})
            and ({{ key_texts('versions', key, caseless) }}) in (select * from touched_keys)
    )
{%- endmacro %}

{% macro written_texts(alias, key) -%}
    {%- for column in key -%}
        cast({{ alias }}.{{ column }} as {{ dbt.type_string() }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
    Whether the key may differ from what `key_text` makes of it. DuckDB trims spaces of every kind,
    and all except the common one have several bytes, which the comparison of lengths finds.
-#}
{% macro is_written_otherwise(alias, key, caseless) -%}
    {%- for column in key -%}
        {%- set text = written_texts(alias, [column]) -%}
        {{ alias }}.{{ column }} is null or {{ text }} like ' %' or {{ text }} like '% '
        or strlen({{ text }}) <> length({{ text }})
        {{- ' or ' ~ text ~ ' <> lower(' ~ text ~ ')' if column in caseless }}
        {{- ' or ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The first condition is on the bare column, so that DuckDB can skip earlier parts of a table. -#}
{% macro has_passed(day) -%}
    {%- set since = "cast('" ~ var('since') ~ "' as date)" -%}
    {{ day }} > {{ since }}
    and cast({{ day }} as date) > {{ since }}
    and cast({{ day }} as date) <= clock.as_of_date
{%- endmacro %}

{% macro key_texts(alias, key, caseless) -%}
    {%- for column in key -%}
        {{ key_text(alias, column, caseless) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The rows that a later version of the same key replaces. -#}
{% macro superseded_rows(relation, clock, key, caseless, first=none) -%}
    select
        ranked._file,
        ranked._row
    from (
        select
            versions._file,
            versions._row,
            row_number() over (
                partition by {% for column in key %}repeated.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
                order by {{ first ~ ', ' if first }}{{ latest_first('versions') }}
            ) as version_rank
        from {{ relation }} as versions
        cross join {{ clock }} as clock
        inner join (
            select
    {%- for column in key %}
        {{ key_text('counted', column, caseless) }} as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
            from {{ relation }} as counted
            cross join {{ clock }} as clock
            where {{ is_known('counted') }}
            group by {% for column in key %}{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}
            having count(*) > 1
        ) as repeated
            on {% for column in key %}{{ key_text('versions', column, caseless) }} = repeated.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
        where {{ is_known('versions') }}
    ) as ranked
    where ranked.version_rank > 1
{%- endmacro %}

{#- Whether an event's day is after the as-of day; false for an event without a day. -#}
{% macro is_after(day) -%}
    coalesce(cast({{ day }} as date) > as_of_date, false)
{%- endmacro %}

{#- All followed columns as one text, to recognise versions that say the same. -#}
{% macro said(columns) -%}
    {%- for column in columns -%}
        coalesce(cast({{ column }} as {{ dbt.type_string() }}), '~')
        {{- " || '|' || " if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}

{#- For each file of a table: the day in its name, the day of loading, and its latest event's. -#}
{% macro file_days(table, event_time) -%}
select
    '{{ table }}' as source_table,
    _file as file_path,
    min(case when _known_at <= cast(_loaded_at as date) then _known_at end) as known_date,
    min(cast(_loaded_at as date)) as load_date,
    max(
        case
            when
                cast({{ event_time }} as date) <= coalesce(_known_at, cast(_loaded_at as date))
                then cast({{ event_time }} as date)
        end
    ) as latest_event_date
from {{ source('bronze', table) }}
group by _file
{%- endmacro %}
