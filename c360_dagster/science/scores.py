"""Scores of a customer from 0 to 1, each computed from that customer's own figures alone.

No score depends on other customers, so it changes only when the customer's own figures do.
"""

import polars as pl

from c360_dagster.science.rows import order_customers

SCORE_FEATURES = (
    "orders",
    "recency_days",
    "span_days",
    "orders_per_month",
    "online_share",
    "channels",
    "sessions_90d",
)
"""The columns needed beside customer_id. `recency_days` are the days since the last order,
`span_days` those from the first order to the last; `sessions_90d` counts visits to app and web
shop; `orders_per_month` and `channels` are defined in personas.py. A null counts as 0: no orders,
no visits. Only `online_share` stays null, which means that no order tells its channel."""
USUAL_GAP = 90.0
CHANNELS = 3


def scores(features: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per customer, by customer_id; churn and online ratio are null for those
    without orders.

    With h(x, m) = 1 − 2^(−x/m), which is 0 at 0, one half at m and nears 1:

    - churn_risk_proxy = h(silence, 2), silence = recency_days × orders / (span_days + 90): one
      half after twice the usual gap between orders.
    - loyalty_score = .5 h(orders − 1, 4) + .3 h(span_days, 365) + .2 (1 − churn_risk_proxy);
      0 without orders.
    - engagement_index = .35 h(orders_per_month, 1) + .25 × 2^(−recency_days/90)
      + .25 h(sessions_90d, 5) + .15 min(channels − 1, 2)/2.
    - online_purchase_ratio = online_share.
    - engagement_weight = .5 + engagement_index, so from .5 to 1.5: the weight of clv_proxy.
    """
    missing = [n for n in ("customer_id", *SCORE_FEATURES) if n not in features.columns]
    if missing:
        raise ValueError(f"The scores need the columns {', '.join(missing)}.")
    read = [pl.col(name).cast(pl.Float64).clip(0.0) for name in SCORE_FEATURES]
    counted = [pl.col(name).fill_null(0.0) for name in SCORE_FEATURES if name != "online_share"]
    known = order_customers(features).with_columns(read).with_columns(counted)
    bought = pl.col("orders") > 0
    usual_gap = (pl.col("span_days") + USUAL_GAP) / pl.col("orders")
    risk = _near_one(pl.col("recency_days") / usual_gap, 2)
    loyalty = (
        0.5 * _near_one((pl.col("orders") - 1).clip(0.0), 4)
        + 0.3 * _near_one(pl.col("span_days"), 365)
        + 0.2 * (1.0 - risk)
    )
    spread = (pl.col("channels") - 1).clip(0, CHANNELS - 1) / (CHANNELS - 1)
    shopping = (
        0.35 * _near_one(pl.col("orders_per_month"), 1)
        + 0.25 * (1.0 - _near_one(pl.col("recency_days"), 90))
        + 0.15 * spread
    )
    engagement = pl.when(bought).then(shopping).otherwise(0.0) + 0.25 * _near_one(
        pl.col("sessions_90d"), 5
    )
    online = pl.col("online_share").clip(0.0, 1.0)
    return known.select(
        "customer_id",
        loyalty_score=pl.when(bought).then(loyalty).otherwise(0.0).round(6),
        engagement_index=engagement.round(6),
        online_purchase_ratio=pl.when(bought).then(online).round(6),
        churn_risk_proxy=pl.when(bought).then(risk).round(6),
        engagement_weight=(0.5 + engagement).round(6),
    )


def _near_one(value: pl.Expr, half: float) -> pl.Expr:
    return 1.0 - pl.lit(2.0).pow(-value / half)
