"""Overview: sales in a period, against the year before, over time, by channel and by region."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.queries.people import BUYERS, CHOSEN, ORDER_REGION
from c360_dashboard.snapshot import Reader

# The counted orders of this period, and of the one a year earlier, that match the reader's filters.
PICKED = f"""
    {BUYERS}
    select
        b.customer,
        o.order_date,
        o.net_amount,
        o.order_date >= $start as is_now,
        coalesce(o.channel, 'unknown') as channel,
        coalesce({ORDER_REGION}, 'unknown') as region
    from fct_orders as o
    left join buyers as b on o.customer_id = b.customer_id
    left join dim_stores as s on o.store_id = s.store_id
    where o.is_counted
        and (
            o.order_date between $start and $end
            or o.order_date between $start_before::date and $end_before::date
        )
        and {CHOSEN}
"""
TOTALS = """
    select
        sum(net_amount) filter (is_now) as revenue,
        count(*) filter (is_now) as orders,
        count(distinct customer) filter (is_now) as customers,
        sum(net_amount) filter (not is_now) as revenue_before,
        count(*) filter (not is_now) as orders_before,
        count(distinct customer) filter (not is_now) as customers_before,
        revenue / nullif(orders, 0) as order_value,
        revenue_before / nullif(orders_before, 0) as order_value_before
"""
# Weeks are counted back from the last day, so that each has seven days.
STEPS = {
    "day": "$end - datediff('day', order_date, last_day)::integer",
    "week": "$end - (datediff('day', order_date, last_day) // 7 * 7)::integer",
    "month": """date_trunc(
        'month', $end - to_months(datediff('month', order_date, last_day)::integer)
    )::date""",
}


@dataclass(frozen=True)
class Overview:
    totals: dict[str, Any]
    over_time: pl.DataFrame
    by_channel: pl.DataFrame
    by_region: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Overview:
    reader.keep("picked", PICKED, filters.values)
    return Overview(
        reader.row(f"{TOTALS} from picked"),
        _over_time(reader, filters),
        _sales_by(reader, "channel"),
        _sales_by(reader, "region"),
    )


def count_orders(reader: Reader) -> dict[str, Any]:
    """Counts all orders, without the reader's filters."""
    return reader.row(
        """
        select
            count(*) as known,
            count(*) filter (is_counted) as counted,
            count(*) filter (order_status = 'unmapped') as unmapped
        from fct_orders
        """
    )


def _over_time(reader: Reader, filters: Filters) -> pl.DataFrame:
    """Returns revenue and orders per step of time; the year before is put on this period's days.

    A step without orders is a zero, because a line past it would show sales where there were none.
    """
    return reader.frame(
        f"""
        with calendar as (
            select true as is_now, unnest(range($start, $end + 1, interval 1 day))::date as day
            union all
            select false, unnest(range($start_before::date, $end_before::date + 1, interval 1 day))
        ),

        days as (
            select order_date, net_amount, 1 as orders, is_now from picked
            union all
            select day, 0, 0, is_now from calendar
            where day >= (select min(order_date) from fct_orders where is_counted)
        ),

        dated as (
            select *, case when is_now then $end else $end_before::date end as last_day from days
        )

        select
            {STEPS[filters.span.grain]} as step,
            case when is_now then 'this period' else 'a year before' end as period,
            sum(net_amount) as revenue,
            sum(orders)::bigint as orders
        from dated
        group by all
        order by step, period desc
        """,
        filters.values,
    )


def _sales_by(reader: Reader, column: str) -> pl.DataFrame:
    return reader.frame(
        f"""
        with sums as ({TOTALS}, {column} from picked group by {column})

        select
            {column},
            revenue,
            revenue / nullif(sum(revenue) over (), 0) as revenue_share,
            case when revenue_before > 0 then revenue / revenue_before - 1 end as revenue_change,
            orders,
            customers,
            order_value
        from sums
        where orders > 0
        order by revenue desc, {column}
        """
    )
