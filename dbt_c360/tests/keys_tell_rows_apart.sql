-- Silver keeps one row per key. If a file repeats keys (lines are numbered from 1 in each order),
-- or a later file uses an earlier file's keys for other events (orders are numbered from 1 each
-- year), most events are missing from sums. Warn: bronze has all rows, and only their owner can
-- tell them apart; each row names a file and a month in which it has a fifth more rows than silver
-- has keys.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_transaction_items'}}}) }}

{#- the column with an event's time in bronze and in silver; a line has no time of its own -#}
{% set events = {
    'transactions': ['transaction_date', 'transaction_at'],
    'transaction_items': ['cast(null as date)', 'cast(null as date)'],
    'support_tickets': ['created_date', 'created_at'],
    'app_usage': ['coalesce(session_start, session_date)', 'session_date'],
    'shipments': ['ship_date', 'ship_date'],
    'tracking_events': ['event_timestamp', 'event_at'],
    'campaign_contacts': ['sent_at', 'sent_at'],
    'arrivals': ['arrival_hour', 'arrival_hour_at'],
    'workbook_transactions': ['transaction_date', 'transaction_at'],
    'customer_support': ['created_at', 'created_at'],
    'web_interactions': ['interaction_date', 'interaction_at'],
} %}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

files as (
    {% for event, days in events.items() %}
        select
            '{{ event }}' as table_name,
            events._file as file_path,
            {{ month_start(days[0]) }} as event_month,
            count(*) as rows_in_file
        from {{ source('bronze', event) }} as events
        cross join clock
        where {{ is_known('events') }}
        group by events._file, {{ month_start(days[0]) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

kept as (
    {% for event, days in events.items() %}
        select
            '{{ event }}' as table_name,
            {{ month_start(days[1]) }} as event_month,
            count(*) as keys_in_silver
        from {{ ref('stg_' ~ event) }}
        group by {{ month_start(days[1]) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

-- an event whose day a later file corrected counts in its new month
select
    files.table_name,
    files.file_path,
    files.event_month,
    files.rows_in_file,
    coalesce(kept.keys_in_silver, 0) as keys_in_silver
from files
left join kept
    on
        files.table_name = kept.table_name
        and coalesce(files.event_month, cast('0001-01-01' as date))
        = coalesce(kept.event_month, cast('0001-01-01' as date))
where
    files.rows_in_file * 5 > coalesce(kept.keys_in_silver, 0) * 6
    and files.rows_in_file > coalesce(kept.keys_in_silver, 0) + 1
