-- Text that a program took for another encoding and saved: 'MÃ¼ller' for 'Müller', 'M�ller'. It is
-- good UTF-8, so it loads; but names of one person are no longer alike, and audiences greet her so.
-- Warn: only an export anew brings the letters back; each row names a file, and one of its records.
-- It reads files, and is a check of the first table that judges names.
-- depends_on: {{ ref('int_customer_records') }}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_customer_records'}}}) }}

{% set texts = {
    'customers': ['first_name', 'last_name', 'address_line1', 'city'],
    'customer_master': ['name', 'location'],
    'products': ['product_name', 'category', 'brand'],
    'warehouse_locations': ['location_name', 'city'],
    'suppliers': ['supplier_name', 'address'],
} %}

with

records as (
    {% for table, columns in texts.items() %}
        select
            _file as file_path,
            _row as record,
            coalesce({{ columns | join(", '') || ' ' || coalesce(") }}, '') as written
        from {{ source('bronze', table) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    file_path,
    count(*) as records_unreadable,
    min(record) as first_record
from records
where
    written like '%�%'
    or written like '%â€%'
    or regexp_replace(written, '[ÂÃ][^ -~]', '') <> written
group by file_path
