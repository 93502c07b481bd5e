{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='transaction_id') }}

with

versions as (
    {{ latest_versions('workbook_transactions', ['transaction_id'], day='transaction_date') }}
)

select
    {{ clean_text('versions.transaction_id') }} as transaction_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.payment_method') }} as payment_method,
    {{ clean_text('versions.store_location') }} as store_location,

    {{ money('versions.amount') }} as amount,

    versions.is_after_as_of,

    versions.transaction_date as transaction_at
from versions
