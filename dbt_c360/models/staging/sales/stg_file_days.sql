{{ config(materialized='view') }}

{%- set event_times = {
    'transactions': 'transaction_date',
    'workbook_transactions': 'transaction_date',
    'customers': 'registration_date',
} %}

with

{% for table, event_time in event_times.items() %}
    {{ table }} as (
        select
            '{{ table }}' as source_table,
            _file as file_path,
            min(case when _known_at <= cast(_loaded_at as date) then _known_at end) as known_date,
            min(cast(_loaded_at as date)) as load_date,
            max(
                case
                    when cast({{ event_time }} as date) <= coalesce(_known_at, cast(_loaded_at as date))
                        then cast({{ event_time }} as date)
                end
            ) as latest_event_date
        from {{ source('bronze', table) }}
        group by _file
    ){{ ',' if not loop.last }}

{% endfor -%}

{% for table in event_times %}
    select * from {{ table }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
