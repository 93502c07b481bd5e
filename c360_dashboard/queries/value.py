"""Value and churn: what customers will be worth, who may leave, and who of them is worth most."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.queries.people import PEOPLE
from c360_dashboard.snapshot import Reader

BANDS = ("Low", "Medium", "High")
MAX_LISTED = 50

# In gold, customers who never bought have no value and a risk of 1. They are left out here, because
# somebody who never bought cannot be lost.
BUYERS = f"""
    {PEOPLE},
    buyers as (
        select * from people where persona is distinct from 'No purchase yet'
    )
"""


@dataclass(frozen=True)
class Value:
    totals: dict[str, Any]
    values: pl.DataFrame
    risks: pl.DataFrame
    bands: pl.DataFrame
    leaving: pl.DataFrame
    forecasts: pl.DataFrame
    calibration: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Value:
    values = filters.values
    return Value(
        reader.row(
            f"""
            {BUYERS}
            select
                count(churn_risk) as customers,
                sum(clv_12m) as clv_12m,
                avg(clv_12m) as avg_clv_12m,
                count(*) filter (churn_risk >= 0.5) as at_risk,
                sum(clv_12m * churn_risk) as value_at_risk
            from buyers
            """,
            values,
        ),
        reader.frame(
            f"""
            {BUYERS},
            sized as (
                select greatest(quantile_cont(clv_12m, 0.98) / 24, 1.0)::double as width from buyers
            ),
            binned as (
                select least(floor(b.clv_12m / s.width), 24) as bin, s.width
                from buyers as b cross join sized as s
                where b.clv_12m is not null
            )
            select bin * width as low, (bin + 1) * width as high, count(*) as customers
            from binned group by bin, width order by bin
            """,
            values,
        ),
        reader.frame(
            f"""
            {BUYERS},
            binned as (
                select least(floor(churn_risk * 20), 19) as bin, clv_12m
                from buyers where churn_risk is not null
            )
            select
                bin / 20 as low, (bin + 1) / 20 as high,
                count(*) as customers, sum(clv_12m) as clv_12m
            from binned group by bin order by bin
            """,
            values,
        ),
        _bands(reader, filters),
        _leaving(reader, filters),
        reader.frame(
            f"""
            {BUYERS}
            select
                b.persona,
                count(*) as customers,
                avg(z.expected_orders_12m) as expected_orders,
                avg(b.clv_12m) as clv_12m,
                median(z.clv_12m_low) as low,
                median(z.clv_12m_high) as high,
                avg(z.p_active_12m) as active,
                avg(b.churn_risk) as churn_risk
            from buyers as b
            inner join clv_proxy as z on b.customer_id = z.customer_id
            where b.clv_12m is not null
            group by b.persona
            order by clv_12m desc nulls last, b.persona
            """,
            values,
        ),
        reader.frame(
            """
            select
                against, tenth, customers, expected, actual,
                case when actual > 0 then expected / actual - 1 end as missed
            from forecast_calibration
            order by against desc, tenth
            """
        ),
    )


def _bands(reader: Reader, filters: Filters) -> pl.DataFrame:
    """Counts customers by thirds of value and by thirds of the scale of risk."""
    return reader.frame(
        f"""
        {BUYERS},
        banded as (
            select
                case
                    -- If many are expected to bring nothing, none of them is of high value.
                    when clv_12m <= 0 then 'Low'
                    when clv_12m >= quantile_cont(clv_12m, 2 / 3) over () then 'High'
                    when clv_12m >= quantile_cont(clv_12m, 1 / 3) over () then 'Medium'
                    else 'Low'
                end as value,
                case
                    when churn_risk >= 2 / 3 then 'High'
                    when churn_risk >= 1 / 3 then 'Medium'
                    else 'Low'
                end as risk,
                clv_12m
            from buyers
            where clv_12m is not null and churn_risk is not null
        )
        select
            value as value_band, risk as risk_band,
            count(*) as customers, sum(clv_12m) as clv_12m
        from banded
        group by all
        order by value_band, risk_band
        """,
        filters.values,
    )


def _leaving(reader: Reader, filters: Filters) -> pl.DataFrame:
    return reader.frame(
        f"""
        {BUYERS}
        select
            b.customer_id,
            concat_ws(' ', c.first_name, c.last_name) as name,
            b.persona,
            b.clv_12m,
            b.churn_risk,
            b.clv_12m * b.churn_risk as at_risk,
            b.total_spent,
            b.days_since_last_order,
            b.late_deliveries,
            b.tickets_open,
            b.marketing_consent
        from buyers as b
        inner join dim_customers as c on b.customer_id = c.customer_id
        where b.clv_12m > 0 and b.churn_risk >= 0.3
        order by at_risk desc, b.customer_id
        limit {MAX_LISTED}
        """,
        filters.values,
    )


def find_showcase_customer(reader: Reader) -> str | None:
    """Returns the customer with most to show: the highest spend, of those with several records if
    there are any."""
    found = reader.frame(
        """
        select m.customer_id
        from mart_customer_360 as m
        inner join dim_customers as c on m.customer_id = c.customer_id
        order by c.source_records > 1 desc, m.total_spent desc, m.customer_id
        limit 1
        """
    )
    return str(found["customer_id"][0]) if len(found) else None
