"""Value and churn: what customers will be worth, who may leave, and who of them is worth most."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.queries.people import PEOPLE
from c360_dashboard.snapshot import Reader

BANDS = ("Low", "Medium", "High")
LISTED = 50


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
            {PEOPLE}
            select
                count(churn_risk) as customers,
                sum(clv_12m) as clv_12m,
                avg(clv_12m) as avg_clv_12m,
                count(*) filter (churn_risk >= 0.5) as at_risk,
                sum(clv_12m * churn_risk) as value_at_risk
            from people
            """,
            values,
        ),
        reader.frame(
            f"""
            {PEOPLE},
            sized as (
                select greatest(quantile_cont(clv_12m, 0.98) / 24, 1.0)::double as width from people
            ),
            binned as (
                select least(floor(p.clv_12m / s.width), 24) as bin, s.width
                from people as p cross join sized as s
                where p.clv_12m is not null
            )
            select bin * width as low, (bin + 1) * width as high, count(*) as customers
            from binned group by bin, width order by bin
            """,
            values,
        ),
        reader.frame(
            f"""
            {PEOPLE},
            binned as (
                select least(floor(churn_risk * 20), 19) as bin, clv_12m
                from people where churn_risk is not null
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
            {PEOPLE}
            select
                p.persona,
                count(*) as customers,
                avg(z.expected_orders_12m) as expected_orders,
                avg(p.clv_12m) as clv_12m,
                median(z.clv_12m_low) as low,
                median(z.clv_12m_high) as high,
                avg(z.p_active_12m) as active,
                avg(p.churn_risk) as churn_risk
            from people as p
            inner join clv_proxy as z on p.customer_id = z.customer_id
            where p.clv_12m is not null
            group by p.persona
            order by clv_12m desc nulls last, p.persona
            """,
            values,
        ),
        reader.frame(
            """
            select against, tenth, customers, expected, actual
            from forecast_calibration order by against desc, tenth
            """
        ),
    )


def _bands(reader: Reader, filters: Filters) -> pl.DataFrame:
    """Thirds of value by thirds of the scale of risk."""
    return reader.frame(
        f"""
        {PEOPLE},
        banded as (
            select
                case
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
            from people
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
        {PEOPLE}
        select
            p.customer_id,
            concat_ws(' ', c.first_name, c.last_name) as name,
            p.persona,
            p.clv_12m,
            p.churn_risk,
            p.clv_12m * p.churn_risk as at_risk,
            p.total_spent,
            p.days_since_last_order,
            p.late_deliveries,
            p.tickets_open,
            p.marketing_consent
        from people as p
        inner join dim_customers as c on p.customer_id = c.customer_id
        where p.clv_12m > 0 and p.churn_risk >= 0.3
        order by at_risk desc, p.customer_id
        limit {LISTED}
        """,
        filters.values,
    )


def load_dearest(reader: Reader) -> str | None:
    """The customer with most to tell: known to several systems, then the highest spend."""
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
