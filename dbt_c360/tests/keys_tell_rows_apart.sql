-- Silver keeps one row a key. Where a file repeats its keys, as lines numbered anew in each order
-- do, or a later file uses those of an earlier one for other events, as orders numbered anew each
-- year do, most of what happened is in no sum. Warn: bronze has it all, and only its owner can tell
-- the rows apart; each row names a file with a fifth more rows than silver has keys, in a month.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_transaction_items'}}}) }}

{#- when each happened, in the words of bronze and of silver; a line has no time of its own -#}
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

-- an event whose day was corrected is in another month, and no other's key
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
