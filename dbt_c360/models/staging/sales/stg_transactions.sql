{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='transaction_id') }}

with

versions as (
    {{ latest_versions('transactions', ['transaction_id'], day='transaction_date') }}
),

order_statuses as (
    select * from {{ ref('order_status') }}
),

rates_by_day as (
    select * from {{ ref('stg_order_rates') }}
)

select
    {{ clean_text('versions.transaction_id') }} as transaction_id,
    {{ clean_text('versions.customer_id') }} as customer_id,
    {{ clean_text('versions.store_id') }} as store_id,

    {{ clean_lower('versions.channel') }} as channel,
    {{ clean_lower('versions.payment_method') }} as payment_method,
    {{ clean_upper('versions.currency') }} as currency,
    {{ clean_text('versions.status') }} as source_status,
    case
        when {{ clean_text('versions.status') }} is null then 'completed'
        else coalesce(order_statuses.order_status, 'unmapped')
    end as order_status,

    {{ money('versions.subtotal') }} as subtotal,
    {{ money('versions.tax_amount') }} as tax_amount,
    {{ money('versions.discount_amount') }} as discount_amount,
    {{ money('versions.total_amount') }} as total_amount,
    case
        when rates_by_day.currency is null then cast(1 as decimal(18, 8))
        else rates_by_day.rate
    end as rate_to_reporting,

    versions.is_after_as_of,
    coalesce(
        versions.subtotal <> round(versions.subtotal, 2)
        or versions.tax_amount <> round(versions.tax_amount, 2)
        or versions.discount_amount <> round(versions.discount_amount, 2)
        or versions.total_amount <> round(versions.total_amount, 2),
        false
    ) as has_rounded_amounts,

    versions.transaction_date as transaction_at
from versions
left join order_statuses
    on lower(trim(versions.status)) = lower(trim(order_statuses.source_status))
left join rates_by_day
    on
        upper(trim(versions.currency)) = rates_by_day.currency
        and coalesce(
            cast(versions.transaction_date as date), cast('{{ var("history_start") }}' as date)
        ) = rates_by_day.order_date
