{#- Bronze keeps every version of a record that ever landed; these pick among them. -#}

{#- Whether a file was known on the as-of day; one without a date always was. -#}
{% macro is_known(alias) -%}
    ({{ alias }}._known_at is null or {{ alias }}._known_at <= clock.as_of_date)
{%- endmacro %}

{#- A later version first: the file's date (none is the oldest), its name, the record's number. -#}
{% macro latest_first(alias) -%}
    coalesce({{ alias }}._known_at, cast('0001-01-01' as date)) desc,
                    {{ alias }}._file desc,
                    {{ alias }}._row desc
{%- endmacro %}

{#-
    The last answer by the as-of day first, whatever the order of files and records: an answer
    without a time is as old as its file. A later file corrects what was answered at the same time;
    answered twice in files of one day, no is the safer answer, and an empty cell is no yes.
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

{#- A key's column as silver compares it: trimmed, in lower case where case says nothing. -#}
{% macro key_text(alias, column, caseless) -%}
    {%- set text = 'trim(cast(' ~ alias ~ '.' ~ column ~ ' as ' ~ dbt.type_string() ~ '))' -%}
    coalesce({{ 'lower(' ~ text ~ ')' if column in caseless else text }}, '')
{%- endmacro %}

{#-
    Of each key the latest version that was known on the as-of day, or the one that comes `first`;
    where `day` says when it happened, with a flag for what happens after. Most keys have one
    version: ranking only those that have several keeps the window small in tables of millions.
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
        -- an event of a later day is kept and flagged; one without a day is not after it
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
    All versions of the keys that may have changed since the last finished build: in a file that is
    new, known by now and not then, or of a day that the as-of day has passed. Nearly all keys are
    written as they are compared; trimming each of millions would cost more than finding them.
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
    Whether the key may be another text than `key_text` makes of it: DuckDB trims spaces of every kind,
    and all but the common one are characters of several bytes.
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

{#- The first condition is on the bare column: parts of a table that lie before are skipped. -#}
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

{#- An event of a day after the as-of day is kept and flagged; one without a day is neither. -#}
{% macro is_after(day) -%}
    coalesce(cast({{ day }} as date) > as_of_date, false)
{%- endmacro %}

{#- All that is followed as one text, so that versions that say the same can be told. -#}
{% macro said(columns) -%}
    {%- for column in columns -%}
        coalesce(cast({{ column }} as {{ dbt.type_string() }}), '~')
        {{- " || '|' || " if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}

{#- The days that each file of a table speaks of: in its name, of its loading, of its events. -#}
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
