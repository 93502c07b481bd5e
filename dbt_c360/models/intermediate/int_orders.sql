with

till_orders as (
    select * from {{ ref('stg_transactions') }}
),

workbook_orders as (
    select * from {{ ref('stg_workbook_transactions') }}
),

unioned as (
    select
        transaction_id as order_id,
        'crm' as source_system,
        customer_id as source_customer_id,
        store_id,
        channel,
        payment_method,
        currency,
        source_status,
        order_status,
        {{ converted('subtotal', 'rate_to_reporting') }} as subtotal,
        {{ converted('tax_amount', 'rate_to_reporting') }} as tax_amount,
        {{ converted('discount_amount', 'rate_to_reporting') }} as discount_amount,
        {{ converted('total_amount', 'rate_to_reporting') }} as total_amount,
        -- without a subtotal, the total less its tax is the same amount
        {{ converted(
            'coalesce('
            'subtotal - coalesce(discount_amount, 0), total_amount - coalesce(tax_amount, 0))',
            'rate_to_reporting'
        ) }} as net_amount,
        is_after_as_of,
        transaction_at as ordered_at
    from till_orders
    union all
    -- the acquired shop sells only online and gives one amount, used as paid and as before tax
    select
        'wb-' || transaction_id as order_id,
        'workbooks' as source_system,
        customer_id as source_customer_id,
        null as store_id,
        'online' as channel,
        payment_method,
        null as currency,
        null as source_status,
        'completed' as order_status,
        null as subtotal,
        null as tax_amount,
        null as discount_amount,
        amount as total_amount,
        amount as net_amount,
        is_after_as_of,
        transaction_at as ordered_at
    from workbook_orders
)

select
    order_id,
    source_system,
    source_customer_id,
    store_id,
    channel,
    payment_method,
    currency,
    source_status,
    order_status,
    subtotal,
    tax_amount,
    discount_amount,
    total_amount,
    net_amount,
    source_customer_id is null as is_guest,
    is_after_as_of,
    {{ is_counted('ordered_at') }} as is_counted,
    ordered_at
from unioned
