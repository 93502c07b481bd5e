{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='item_id') }}

with

versions as (
    {{ latest_versions('transaction_items', ['item_id']) }}
)

select
    {{ clean_text('versions.item_id') }} as item_id,
    {{ clean_text('versions.transaction_id') }} as transaction_id,
    {{ clean_text('versions.product_id') }} as product_id,

    versions.quantity,
    {{ money('versions.unit_price') }} as unit_price,
    {{ money('versions.line_total') }} as line_total,
    {{ money('versions.discount_applied') }} as discount_applied,

    coalesce(
        versions.unit_price <> round(versions.unit_price, 2)
        or versions.line_total <> round(versions.line_total, 2)
        or versions.discount_applied <> round(versions.discount_applied, 2),
        false
    ) as has_rounded_amounts
from versions
