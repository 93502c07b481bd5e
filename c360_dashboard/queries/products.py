"""Products and affinity: what sells, at what margin, who likes what, and what goes together."""

from dataclasses import dataclass

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.snapshot import Reader

LISTED = 25
# The lines that are counted, as the reader chose; regions as on the overview.
LINES = """
    with picked as (
        select
            l.order_id, l.product_id, l.quantity, l.total_price, l.margin, l.customer_id,
            coalesce(p.category, 'unknown') as category,
            p.product_name
        from fct_order_lines as l
        left join dim_products as p on l.product_id = p.product_id
        left join dim_customers as c on l.customer_id = c.customer_id
        left join dim_stores as s on l.store_id = s.store_id
        left join mart_customer_360 as m on l.customer_id = m.customer_id
        where l.is_counted
            and l.order_date between $start and $end
            and (len($channels::varchar[]) = 0 or list_contains($channels::varchar[], l.channel))
            and (
                len($regions::varchar[]) = 0
                or list_contains($regions::varchar[], coalesce(c.state, s.store_state))
            )
            and (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], m.persona))
    )
"""
SUMS = """
    sum(total_price) as revenue,
    sum(quantity)::bigint as units,
    count(distinct order_id) as orders,
    count(distinct customer_id) as customers,
    sum(margin) as margin,
    sum(margin) / nullif(sum(total_price) filter (margin is not null), 0) as margin_rate
"""


@dataclass(frozen=True)
class Products:
    categories: pl.DataFrame
    products: pl.DataFrame
    affinity: pl.DataFrame
    pairs: pl.DataFrame
    suppliers: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Products:
    return Products(
        reader.frame(
            f"""
            {LINES}
            select category, {SUMS}, revenue / nullif(sum(revenue) over (), 0) as revenue_share
            from picked group by category order by revenue desc, category
            """,
            filters.values,
        ),
        reader.frame(
            f"""
            {LINES},
            sold as (
                select product_id, any_value(product_name) as product_name,
                    any_value(category) as category, {SUMS}
                from picked where product_id is not null group by product_id
            )
            select s.*, f.return_rate, f.stock_on_hand, f.days_of_stock
            from sold as s
            left join product_performance as f on s.product_id = f.product_id
            order by s.revenue desc, s.product_id
            limit {LISTED}
            """,
            filters.values,
        ),
        reader.frame(
            """
            select r.persona, a.category, a.lift, a.revenue_share, a.customers, a.revenue
            from product_affinity as a
            inner join revenue_by_cluster as r on a.cluster_id = r.cluster_id
            where (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], r.persona))
            order by a.cluster_id, a.category
            """,
            filters.values,
        ),
        reader.frame(
            f"""
            select category, other_category, customers, support, confidence, lift
            from category_pairs
            order by lift desc, category, other_category
            limit {LISTED}
            """
        ),
        reader.frame(
            f"""
            select
                supplier_name, products, units, revenue, margin / nullif(revenue, 0) as margin_rate,
                avg_lead_time_days, quality_rating, stock_outs
            from supplier_performance
            order by revenue desc nulls last, supplier_id
            limit {LISTED}
            """
        ),
    )
