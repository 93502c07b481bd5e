with

clusters as (
    select * from {{ ref('int_cluster_totals') }}
)

select
    cluster_id,
    persona,
    customers,
    {{ ratio('customers', 'sum(customers) over ()') }} as customer_share,
    net_spent as total_revenue,
    {{ ratio('net_spent', 'sum(net_spent) over ()') }} as revenue_share,
    {{ money_ratio('net_spent', 'customers') }} as avg_revenue_per_customer,
    {{ money_ratio('total_spent', 'total_orders') }} as avg_order_value,
    {{ money_ratio('clv_12m', 'customers_forecast') }} as avg_clv_12m,
    {{ ratio('churn_risk', 'customers_forecast') }} as avg_churn_risk
from clusters
