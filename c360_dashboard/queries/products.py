"""Products and affinity: what sells, at what margin, who likes what, and what goes together."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.queries.people import BUYERS, CHOSEN
from c360_dashboard.snapshot import Reader

MAX_LISTED = 25
# The counted order lines that match the reader's filters.
PICKED = f"""
    {BUYERS}
    select
        -- hashed to 64 bits: the risk that two orders share a hash is negligible
        hash(o.order_id) as order_hash,
        o.product_id,
        b.customer,
        o.quantity,
        o.total_price,
        o.margin
    from fct_order_lines as o
    left join buyers as b on o.customer_id = b.customer_id
    left join dim_stores as s on o.store_id = s.store_id
    where o.is_counted and o.order_date between $start and $end and {CHOSEN}
"""
# Orders whose products are not known, such as all orders of the second system.
WITHOUT_LINES = f"""
    {BUYERS}
    select count(*) as orders, sum(o.net_amount) as revenue
    from fct_orders as o
    left join buyers as b on o.customer_id = b.customer_id
    left join dim_stores as s on o.store_id = s.store_id
    where o.is_counted and o.lines = 0 and o.order_date between $start and $end and {CHOSEN}
"""
SUMS = """
    sum(k.total_price) as revenue,
    sum(k.quantity)::bigint as units,
    count(distinct k.order_hash) as orders,
    count(distinct k.customer) as customers,
    sum(k.margin) as margin,
    sum(k.margin) / nullif(sum(k.total_price) filter (k.margin is not null), 0) as margin_rate
"""


@dataclass(frozen=True)
class Products:
    without_lines: dict[str, Any]
    categories: pl.DataFrame
    products: pl.DataFrame
    affinity: pl.DataFrame
    pairs: pl.DataFrame
    suppliers: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Products:
    reader.keep("picked", PICKED, filters.values)
    return Products(
        reader.row(WITHOUT_LINES, filters.values),
        reader.frame(
            f"""
            select
                coalesce(p.category, 'unknown') as category,
                {SUMS},
                revenue / nullif(sum(revenue) over (), 0) as revenue_share
            from picked as k
            left join dim_products as p on k.product_id = p.product_id
            group by coalesce(p.category, 'unknown')
            order by revenue desc, category
            """
        ),
        _best_sellers(reader),
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
            limit {MAX_LISTED}
            """
        ),
        reader.frame(
            f"""
            with costed as (
                select
                    p.primary_supplier_id as supplier_id,
                    sum(f.margin)
                        / nullif(sum(f.revenue) filter (f.margin is not null), 0) as margin_rate
                from product_performance as f
                inner join dim_products as p on f.product_id = p.product_id
                group by p.primary_supplier_id
            )

            select
                coalesce(s.supplier_name, s.supplier_id) as supplier_name,
                s.products, s.units, s.revenue, c.margin_rate,
                s.avg_lead_time_days, s.quality_rating, s.stock_outs
            from supplier_performance as s
            left join costed as c on s.supplier_id = c.supplier_id
            order by s.revenue desc, s.supplier_id
            limit {MAX_LISTED}
            """
        ),
    )


def _best_sellers(reader: Reader) -> pl.DataFrame:
    """Finds the best sellers first, and counts orders and customers only for those."""
    return reader.frame(
        f"""
        with best as (
            select product_id, sum(total_price) as total
            from picked where product_id is not null
            group by product_id order by total desc, product_id limit {MAX_LISTED}
        ),

        sold as (
            select k.product_id, {SUMS}
            from picked as k
            inner join best as b on k.product_id = b.product_id
            group by k.product_id
        )

        select
            s.*, coalesce(p.product_name, s.product_id) as product_name, p.category,
            f.return_rate, f.stock_on_hand, f.days_of_stock
        from sold as s
        left join dim_products as p on s.product_id = p.product_id
        left join product_performance as f on s.product_id = f.product_id
        order by s.revenue desc, s.product_id
        """
    )
