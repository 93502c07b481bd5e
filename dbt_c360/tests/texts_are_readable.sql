-- A program read text in the wrong encoding and saved it: 'MÃ¼ller' or 'M�ller' for 'Müller'. It is
-- valid UTF-8, so it loads, but records of one person no longer have the same name, and mailings
-- greet people by the broken one. Warn: only a new export brings the letters back; each row names a
-- file and one of its records. The test reads bronze, and is a check of the first table with names.
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
