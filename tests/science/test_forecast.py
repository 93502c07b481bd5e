"""The forecast: what it reads, how it treats edge cases, how good it is on held-out time."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from c360_dagster.science import churn, evaluation
from c360_dagster.science.lifetime_value import (
    FEATURES,
    NO_SEASON,
    Forecast,
    find_first_day,
    fit_forecast,
    forecast,
    forecast_from,
    measure_customers,
    plan_rehearsal,
)
from tests.science.orders import (
    START,
    Row,
    make_orders,
    measure_afterwards,
    naive_forecasts,
    read_cdnow,
    run_shop,
)

COLUMNS = ["customer_id", "expected_orders", "expected_spend", "low", "high", "p_active"]
AS_OF = date(2024, 12, 31)


def assert_sound(values: pl.DataFrame) -> None:
    assert values.columns == COLUMNS
    assert values["customer_id"].is_unique().all()
    for name in COLUMNS[1:]:
        assert values[name].is_finite().all(), name
        assert values[name].is_not_null().all(), name
        assert (values[name] >= 0).all(), name
        assert values[name].round(6).equals(values[name]), name
    assert (values["low"] <= values["expected_spend"]).all()
    assert (values["expected_spend"] <= values["high"]).all()
    assert (values["p_active"] <= 1).all()


# What it reads -------------------------------------------------------------------------------


def test_features_by_hand() -> None:
    """The as-of day is 31 January and the window ten days, so the cut-off is the 21st."""
    orders = make_orders(
        [
            ("a", date(2024, 1, 1), 10.0),
            ("a", date(2024, 1, 15), 20.0),
            ("a", date(2024, 1, 15), 5.0),
            ("a", date(2024, 1, 20), -3.0),
            ("a", date(2024, 1, 25), 40.0),
            ("a", date(2024, 2, 1), 999.0),
            ("new", date(2024, 1, 31), 7.0),
        ]
    )
    plan = plan_rehearsal(date(2024, 1, 1), date(2024, 1, 31), 10)
    assert plan.cutoff == date(2024, 1, 21)
    rows = measure_customers(orders, plan, pl.Series(["nobody"]))
    assert rows.columns == list(FEATURES)
    assert rows["customer_id"].to_list() == ["a", "new", "nobody"]
    of_a = rows.row(0, named=True)
    assert of_a == {
        "customer_id": "a",
        "frequency": 2, "recency_days": 24, "age_days": 30,
        "spend": 72.0, "spend_last": 40.0, "purchases_last": 1,
        "past_frequency": 1, "past_recency_days": 14, "past_age_days": 20,
        "past_spend": 32.0, "past_spend_last": 22.0, "past_purchases_last": 1,
        "past_spend_after": 40.0, "past_purchases_after": 1,
        "year_ago_frequency": None, "year_ago_recency_days": None, "year_ago_age_days": None,
        "year_ago_purchases_after": 0,
    }  # fmt: skip
    new = rows.row(1, named=True)
    assert (new["frequency"], new["age_days"], new["past_frequency"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("first", "horizon", "window"),
    [
        (date(2023, 1, 1), 90, 90),
        (date(2023, 1, 1), 365, 365),
        (date(2024, 1, 1), 365, 146),
        (date(2024, 12, 31), 30, 1),
    ],
)
def test_the_rehearsal_leaves_history_to_learn_from(first: date, horizon: int, window: int) -> None:
    plan = plan_rehearsal(first, AS_OF, horizon)
    assert plan.window_days == window
    assert plan.cutoff == AS_OF - timedelta(days=window)


def test_a_horizon_of_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon_days is 0; a forecast needs at least one day"):
        forecast(make_orders([]), AS_OF, 0)


def test_rows_measured_elsewhere_give_the_same_forecast() -> None:
    orders = run_shop(customers=300, days=366, seed=1)
    plan = plan_rehearsal(START, AS_OF, 60)
    rows = measure_customers(orders, plan)
    columns = [*reversed(rows.columns)]
    elsewhere = rows.sample(fraction=1, shuffle=True, seed=3).select(columns)
    told = forecast_from(elsewhere.with_columns(more=pl.lit(1)), plan).values
    assert told.equals(forecast(orders, AS_OF, 60))
    with pytest.raises(ValueError, match=r"features lack past_spend; see features\.FEATURES"):
        forecast_from(rows.drop("past_spend"), plan)


def test_later_orders_and_the_order_of_rows_do_not_matter() -> None:
    orders = run_shop(customers=400, days=500, seed=2, refunds=0.05)
    then = orders.filter(pl.col("order_date") <= AS_OF)
    told = forecast(then, AS_OF, 90)
    shuffled = orders.sample(fraction=1, shuffle=True, seed=4)
    assert then.height < orders.height
    assert forecast(shuffled, AS_OF, 90).equals(told)
    assert_sound(told)


def test_a_mistyped_year_is_no_history() -> None:
    """Once, a single order of 1970 made decades out of half a year, and forecasts near zero."""
    orders = run_shop(customers=300, days=182, seed=1)
    as_of = START + timedelta(days=182)
    slips = make_orders([("000007", date(1970, 1, 1), 20.0), ("000008", date(2023, 6, 1), 20.0)])
    told = fit_forecast(pl.concat([slips, orders]), as_of, 90)
    assert told.plan.first_day == START
    assert told.values.equals(forecast(orders, as_of, 90))


BEFORE_91_DAYS, BEFORE_90_DAYS = date(2023, 10, 2), date(2023, 10, 3)


@pytest.mark.parametrize(
    ("first", "orders", "begun"),
    [
        (BEFORE_91_DAYS, 101, START),
        (BEFORE_90_DAYS, 101, BEFORE_90_DAYS),
        (BEFORE_91_DAYS, 100, BEFORE_91_DAYS),
    ],
)
def test_early_orders_count_as_history_unless_rare_and_followed_by_a_gap(
    first: date, orders: int, begun: date
) -> None:
    rows = [("0", first, 10.0), *[(str(n), START, 10.0) for n in range(1, orders)]]
    later = [(str(n), AS_OF + timedelta(days=1), 10.0) for n in range(99)]
    assert find_first_day(make_orders(rows + later), AS_OF) == begun


# Edges ---------------------------------------------------------------------------------------


def buy(customer: int, *days: int, amount: float = 10.0) -> list[Row]:
    return [(str(customer), START + timedelta(days=day), amount) for day in days]


EDGES: dict[str, list[Row]] = {
    "no orders": [],
    "ten customers": [row for n in range(10) for row in buy(n, *range(n * 20, 360, 50 + n))],
    "everyone once": [row for n in range(300) for row in buy(n, n, amount=5.0 + n % 9)],
    "everyone on one day": [row for n in range(300) for row in buy(n, 0, amount=5.0 + n % 9)],
    "today only": [row for n in range(100) for row in buy(n, 365)],
    "constant amounts": [row for n in range(300) for row in buy(n, *range(n, 366, 17 + n % 60))],
    "negative and zero": [
        row
        for n in range(300)
        for day in range(n % 50, 366, 40 + n % 30)
        for row in buy(n, day, amount=(-20.0, 0.0, 15.0, 31.0)[(day + n) % 4])
    ],
    "returns alone": [row for n in range(60) for row in buy(n, n, n + 50, amount=-5.0)],
    "every day": [row for n in range(50) for row in buy(n, *range(366), amount=5.0 + n)],
    "one customer": buy(7, *range(0, 366, 9)),
    "nine digits": [
        row for n in range(300) for row in buy(n, n, (n * 7) % 366, amount=10.0 ** (n % 10))
    ],
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("horizon", [30, 2000])
def test_every_edge_has_a_sound_answer(edge: str, horizon: int) -> None:
    orders = make_orders(EDGES[edge])
    told = forecast(orders, AS_OF, horizon, customers=pl.Series(["never bought", "0"]))
    assert_sound(told)
    assert set(told["customer_id"]) == {"never bought", "0"} | set(orders["customer_id"])
    again = forecast(orders.reverse(), AS_OF, horizon, customers=pl.Series(["0", "never bought"]))
    assert again.equals(told)


@pytest.mark.parametrize("edge", EDGES)
def test_every_edge_has_a_risk(edge: str) -> None:
    orders = make_orders(EDGES[edge])
    risk = churn.score(orders, AS_OF, 90)
    assert risk["churn_risk"].is_between(0, 1).all()
    assert churn.score(orders.reverse(), AS_OF, 90).equals(risk)


def test_the_models_of_a_forecast_as_of_the_cutoff_are_reused() -> None:
    """The result is the same as without it, and an earlier forecast of another day is refused."""
    orders = run_shop(customers=300, days=366, seed=1)
    plan = plan_rehearsal(START, AS_OF, 60)
    rows = measure_customers(orders, plan)
    past_plan = plan_rehearsal(START, plan.cutoff, plan.window_days)
    earlier = forecast_from(measure_customers(orders, past_plan), past_plan)
    told = forecast_from(rows, plan, earlier)
    assert told.values.equals(forecast_from(rows, plan).values)
    with pytest.raises(ValueError, match=f"The earlier forecast is of {AS_OF}, not of"):
        forecast_from(rows, plan, told)


def test_customers_who_never_bought_are_expected_to_buy_nothing() -> None:
    told = forecast(make_orders(EDGES["ten customers"]), AS_OF, 90, pl.Series(["stranger"]))
    (row,) = told.filter(customer_id="stranger").drop("customer_id").rows()
    assert row == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_ids_that_are_numbers_are_answered_as_text() -> None:
    orders = make_orders(EDGES["ten customers"]).with_columns(pl.col("customer_id").cast(pl.Int64))
    told = forecast(orders, AS_OF, 90, customers=pl.Series([10, 2]))
    assert told["customer_id"].to_list() == sorted(str(n) for n in range(11))


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        ("everyone on one day", "mbgnbd does not converge on these orders"),
        ("everyone on one day", "No model is left"),
        ("constant amounts", "Gamma-Gamma does not converge"),
        ("ten customers", "Too few customers to learn intervals from"),
    ],
)
def test_limitations_are_noted(edge: str, said: str) -> None:
    notes = fit_forecast(make_orders(EDGES[edge]), AS_OF, 90).report.notes
    assert any(note.startswith(said) for note in notes), notes


def open_a_shop(*days: int) -> list[Row]:
    """Returns orders of twelve customers who first bought on the last twelve days, one each day.

    The first of them come back, one on each of `days`.
    """
    first = [row for n in range(12) for row in buy(n, 354 + n)]
    return first + [row for n, day in enumerate(days) for row in buy(n, day)]


def test_few_who_bought_once_just_now_are_not_lost() -> None:
    """There is too little for a model, and a rehearsal of four days without returns says little."""
    told = forecast(make_orders(open_a_shop()), AS_OF, 365)
    assert told["p_active"].is_between(0.2, 0.99).all()
    assert told["expected_orders"].is_between(0.2, 5.0).all()


def test_many_who_bought_once_and_never_came_back_are_lost() -> None:
    told = forecast(make_orders([row for n in range(900) for row in buy(n, n * 2 // 5)]), AS_OF, 90)
    assert told["p_active"].max() < 0.01  # type: ignore[operator]


def test_customers_who_came_back_after_the_rehearsal_are_not_lost() -> None:
    """There is no model to tell it, because before the rehearsal nobody had come back."""
    told = forecast(make_orders(open_a_shop(363, 363, 364, 365)), AS_OF, 365)
    back = pl.col("customer_id").is_in(["0", "1", "2", "3"])
    assert told.filter(back)["expected_orders"].min() > 10  # type: ignore[operator]
    assert told.filter(back)["p_active"].min() > 0.9  # type: ignore[operator]


def test_a_history_that_is_too_short_is_noted() -> None:
    orders = run_shop(customers=300, days=366, seed=1)
    rehearsed, season = fit_forecast(orders, AS_OF, 730).report.notes
    assert rehearsed == (
        "The orders reach back 365 days, too few to rehearse 730 days: 146 were rehearsed."
    )
    assert season == NO_SEASON.format(days=365)
    assert fit_forecast(orders, AS_OF, 90).report.notes == (season,)
    longer = fit_forecast(orders, START + timedelta(days=394), 90)
    assert not any("season" in note for note in longer.report.notes)


def test_returns_reduce_the_expected_spend() -> None:
    """Everybody returns half of the amount after a day: spend is halved, orders stay the same."""
    orders = run_shop(customers=800, days=366, seed=3)
    back = orders.with_columns(pl.col("order_date") + pl.duration(days=1), -pl.col("amount") / 2)
    kept, netted = (forecast(rows, AS_OF, 90) for rows in (orders, pl.concat([orders, back])))
    assert netted["expected_spend"].sum() == pytest.approx(
        kept["expected_spend"].sum() / 2, rel=0.1
    )
    assert netted["expected_orders"].sum() == pytest.approx(kept["expected_orders"].sum(), rel=0.05)


# How good it is ------------------------------------------------------------------------------


def judge(orders: pl.DataFrame, as_of: date, days: int) -> tuple[Forecast, dict[str, float]]:
    made = fit_forecast(orders, as_of, days)
    told = made.values
    happened = measure_afterwards(orders, told, as_of, days)
    compared = evaluation.compare_with_naive(
        told["expected_spend"], happened["spend"], naive_forecasts(orders, told, as_of, days)
    )
    active = happened["purchases"] > 0
    return made, {
        "mae": compared.mae_ratio,
        "rmse": compared.rmse_ratio,
        "total": evaluation.total_error(told["expected_spend"], happened["spend"]),
        "orders": evaluation.total_error(told["expected_orders"], happened["purchases"]),
        "calibration": evaluation.calibration_error(told["expected_spend"], happened["spend"]),
        "coverage": evaluation.interval_coverage(told["low"], told["high"], happened["spend"]),
        "auc": evaluation.area_under_curve(told["p_active"], active) or 0.0,
        "brier": evaluation.brier_score(told["p_active"], active),
        "share_active": float(active.mean() or 0.0),  # type: ignore[arg-type]
    }


@pytest.mark.parametrize(
    ("as_of", "days"),
    [
        (date(1997, 6, 30), 184),
        (date(1997, 9, 30), 92),
        (date(1997, 9, 30), 273),
        (date(1997, 12, 31), 181),
        (date(1998, 3, 31), 91),
    ],
)
def test_on_cdnow_no_naive_forecast_is_better(as_of: date, days: int) -> None:
    """Christmas lies in some of the forecast periods and in some of the rehearsals."""
    _, found = judge(read_cdnow(), as_of, days)
    assert found["mae"] <= 1.02
    assert found["rmse"] <= 1.02
    assert found["brier"] < found["share_active"] * (1 - found["share_active"])
    assert found["auc"] > 0.7


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("as_of", "days", "season"),
    [
        (date(2025, 9, 30), 92, (1.5, 2.5)),
        (date(2025, 6, 30), 184, (1.2, 1.8)),
        (date(2025, 12, 25), 30, (0.4, 0.8)),
    ],
)
def test_a_christmas_is_forecast_if_one_is_in_the_history(
    seed: int, as_of: date, days: int, season: tuple[float, float]
) -> None:
    orders = run_shop(customers=3000, days=760, seed=seed, christmas=2.5, giants=0.01, refunds=0.05)
    made, found = judge(orders, as_of, days)
    assert season[0] <= made.report.season <= season[1]
    assert found["mae"] <= 1.02
    assert found["rmse"] <= 1.02
    assert abs(found["orders"]) <= 0.2
    assert 0.75 <= found["coverage"] <= 0.85


def test_without_a_season_hardly_any_is_seen() -> None:
    orders = run_shop(customers=3000, days=760, seed=3)
    made, found = judge(orders, date(2025, 9, 30), 92)
    assert made.report.season == pytest.approx(1, abs=0.12)
    assert abs(found["total"]) <= 0.12
    assert found["calibration"] <= 0.15
    assert 0.75 <= found["coverage"] <= 0.85


def test_one_giant_does_not_bend_the_others() -> None:
    """A wholesaler among the customers must not change what is expected of the others."""
    orders = run_shop(customers=1500, days=600, seed=4)
    as_of = START + timedelta(days=500)
    days = [START + timedelta(days=day) for day in range(3, 500, 6)]
    giant = make_orders([("giant", day, 50_000.0) for day in days])
    alone = forecast(orders, as_of, 90)
    beside = forecast(pl.concat([orders, giant]), as_of, 90)
    others = beside.filter(pl.col("customer_id") != "giant")
    assert others["expected_spend"].sum() == pytest.approx(alone["expected_spend"].sum(), rel=0.1)
    (expected,) = beside.filter(customer_id="giant")["expected_spend"]
    assert expected == pytest.approx(15 * 50_000, rel=0.25)


def test_one_time_buyers_are_ranked_by_how_long_they_are_silent() -> None:
    orders = run_shop(customers=3000, days=600, seed=5)
    as_of = START + timedelta(days=480)
    scores = churn.score(orders, as_of, 120)
    assert scores.columns == ["customer_id", "churn_risk"]
    assert scores["churn_risk"].is_between(0, 1).all()
    known = orders.filter(pl.col("order_date") <= as_of)
    once = (
        known.group_by("customer_id")
        .agg(pl.len(), silent=(pl.lit(as_of) - pl.col("order_date").max()).dt.total_days())
        .filter(pl.col("len") == 1)
        .join(scores, on="customer_id")
        .sort("customer_id")
    )
    ranked = evaluation.spearman(once["silent"], once["churn_risk"])
    assert ranked is not None
    assert ranked > 0.9
    happened = measure_afterwards(orders, once, as_of, 120)
    auc = evaluation.area_under_curve(once["churn_risk"], happened["purchases"] == 0)
    assert auc is not None
    assert auc > 0.6


def test_churn_is_what_activity_leaves_over() -> None:
    orders = make_orders(EDGES["ten customers"])
    stranger = pl.Series(["stranger"])
    told = forecast(orders, AS_OF, 90, stranger)
    risk = churn.score(orders, AS_OF, 90, stranger)
    assert np.allclose(told["p_active"] + risk["churn_risk"], 1, atol=1e-9)
    assert risk.filter(customer_id="stranger")["churn_risk"].to_list() == [1.0]
