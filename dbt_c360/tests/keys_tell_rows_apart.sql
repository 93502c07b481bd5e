-- Silver keeps one row a key. Where a file repeats its keys, as lines numbered anew in each order
-- do, most of what happened is in no sum. Warn: bronze has it all, and only its owner can tell the
-- rows apart; each row names a file with a fifth more rows than silver has keys.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_transaction_items'}}}) }}

{% set events = [
    'transactions', 'transaction_items', 'support_tickets', 'app_usage', 'shipments',
    'tracking_events', 'campaign_contacts', 'arrivals', 'workbook_transactions',
    'customer_support', 'web_interactions',
] %}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

files as (
    {% for event in events %}
        select
            '{{ event }}' as table_name,
            events._file as file_path,
            count(*) as rows_in_file
        from {{ source('bronze', event) }} as events
        cross join clock
        where {{ is_known('events') }}
        group by events._file
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

kept as (
    {% for event in events %}
        select
            '{{ event }}' as table_name,
            count(*) as keys_in_silver
        from {{ ref('stg_' ~ event) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    files.table_name,
    files.file_path,
    files.rows_in_file,
    kept.keys_in_silver
from files
inner join kept
    on files.table_name = kept.table_name
where files.rows_in_file * 5 > kept.keys_in_silver * 6
