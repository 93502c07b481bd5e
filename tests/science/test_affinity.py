"""Recommendations are new to the customer, foresee purchases, and never lose to popularity."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from c360_dagster.science.affinity import fit_recommendations, list_purchases, recommend
from c360_dagster.science.recommenders import PENALTIES, gather_kinds, learn_pairs, weigh_items
from tests.science.retailer import Retailer


def purchases(*pairs: tuple[str, str]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "item": pl.String}
    return pl.DataFrame(list(pairs), schema=schema, orient="row")


def recall(recommended: pl.DataFrame, later: pl.DataFrame) -> float:
    wanted = later.group_by("customer_id").agg(wanted=pl.len())
    hit = (
        later.join(recommended, on=["customer_id", "item"])
        .group_by("customer_id")
        .agg(hit=pl.len())
    )
    share = pl.col("hit").fill_null(0) / pl.col("wanted")
    return float(wanted.join(hit, on="customer_id", how="left").select(share.mean()).item())


def bestsellers(bought: pl.DataFrame, n: int) -> pl.DataFrame:
    """Returns, by plain joins, the n items with most buyers that a customer has not bought."""
    rank = bought.unique(["customer_id", "item"]).group_by("item").agg(buyers=pl.len())
    everyone = bought.select("customer_id").unique()
    return (
        everyone.join(rank, how="cross")
        .join(bought, on=["customer_id", "item"], how="anti")
        .sort(["customer_id", "buyers", "item"], descending=[False, True, False])
        .group_by("customer_id", maintain_order=True)
        .head(n)
    )


def choose_method(bought: pl.DataFrame) -> str:
    return str(fit_recommendations(bought, 10).compared.filter("is_chosen")["method"].item())


@pytest.fixture(scope="module")
def split(retailer: Retailer) -> tuple[pl.DataFrame, pl.DataFrame]:
    lines = retailer.lines.rename({"product_id": "item"}).select(
        "customer_id", "item", "order_date"
    )
    is_before = pl.col("order_date") < date(2026, 4, 1)
    before = lines.filter(is_before)
    later = (
        lines.filter(~is_before)
        .unique(["customer_id", "item"])
        .join(before, on=["customer_id", "item"], how="anti")
        .join(before.select("customer_id").unique(), on="customer_id")
    )
    return before, later


# Foresight --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns", [["customer_id", "item", "order_date"], ["customer_id", "item"]]
)
def test_recommendations_foresee_more_than_popularity(
    split: tuple[pl.DataFrame, pl.DataFrame], columns: list[str]
) -> None:
    before, later = split
    popular = recall(bestsellers(before, 10), later)
    assert recall(recommend(before.select(columns), 10), later) >= 1.5 * popular


def test_the_chosen_method_is_the_best_beyond_doubt(
    split: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    compared = fit_recommendations(split[0], 10).compared
    chosen = compared.filter("is_chosen")
    assert chosen["recall"].item() == compared["recall"].max()
    assert chosen["method"].item() != "popularity"


def test_popularity_stays_where_tastes_are_random() -> None:
    rng = np.random.default_rng(0)
    likely = 1.0 / np.arange(1, 31)
    bought = pl.DataFrame(
        {
            "customer_id": [str(i) for i in rng.integers(0, 500, 3000)],
            "item": [f"i{i:02}" for i in rng.choice(30, 3000, p=likely / likely.sum())],
        }
    )
    assert (
        fit_recommendations(bought, 10).compared.filter("is_chosen")["method"].item()
        == "popularity"
    )
    found = recommend(bought, 3).drop("score", "rank")
    assert found.sort(found.columns).equals(
        bestsellers(bought, 3).select(found.columns).sort(found.columns)
    )


def test_best_sellers_stay_where_purchases_are_random() -> None:
    """In forty shops people buy at random, so only luck could make another method win.

    Every second shop has dates.
    """
    rng = np.random.default_rng(5)
    for shop in range(40):
        bought = pl.DataFrame(
            {
                "customer_id": [f"{i}" for i in rng.integers(0, 80, 500)],
                "item": [f"i{i}" for i in rng.geometric(0.12, 500)],
            }
        )
        if shop % 2:
            bought = bought.with_columns(order_date=pl.Series(rng.integers(0, 300, 500)))
        assert choose_method(bought) == "popularity"


def test_the_latest_purchases_are_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the pairs is held out: the second purchases (b) on the last two of five days."""
    rows = [
        (f"{i}", f"{half}{i % 20}", day)
        for i in range(400)
        for half, day in (("a", 1), ("b", 2 + i // 80))
    ]
    dated = pl.DataFrame(rows, schema=["customer_id", "item", "purchased_at"], orient="row")
    compared = fit_recommendations(dated, 10).compared
    assert compared["customers"].unique().to_list() == [160]
    assert dict(compared.select("method", "recall").iter_rows())["ease"] == 1.0
    at_once = fit_recommendations(dated.with_columns(purchased_at=1), 10)
    assert at_once.compared.equals(fit_recommendations(dated.drop("purchased_at"), 10).compared)
    monkeypatch.setattr("c360_dagster.science.affinity.MOST_JUDGES", 50)  # every fourth of the 160
    assert fit_recommendations(dated, 10).compared["customers"].unique().to_list() == [40]


def test_ease_equals_a_ridge_regression_on_all_other_items() -> None:
    """The weights must equal a ridge regression of each item on all other items."""
    rng = np.random.default_rng(0)
    bought = (rng.random((60, 5)) < 0.4).astype(float)
    pairs = bought.T @ bought
    ridge = PENALTIES["ease"] * pairs.diagonal().mean()
    ours = weigh_items(pairs, "ease")
    for target in range(5):
        others = [item for item in range(5) if item != target]
        x = bought[:, others]
        best = np.linalg.solve(x.T @ x + ridge * np.eye(4), x.T @ bought[:, target])
        assert ours[others, target] == pytest.approx(best, abs=1e-6)
        assert ours[target, target] == 0.0


# What is recommended ----------------------------------------------------------------------------


def test_only_items_not_yet_bought_best_first(split: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    before = split[0]
    found = recommend(before, 4)
    assert found.columns == ["customer_id", "item", "rank", "score"]
    assert found.join(before, on=["customer_id", "item"]).is_empty()
    each = found.group_by("customer_id", maintain_order=True).agg("rank", "score")
    assert each["customer_id"].n_unique() == before["customer_id"].n_unique()
    assert all(ranks == [1, 2, 3, 4] for ranks in each["rank"].to_list())
    assert all(s == sorted(s, reverse=True) for s in each["score"].to_list())


def test_neither_order_nor_repetition_of_rows_changes_a_byte(
    split: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    before = split[0]
    twice = pl.concat([before, before]).sample(fraction=1.0, shuffle=True, seed=3)
    assert recommend(twice, 3).equals(recommend(before, 3))


def test_a_customer_who_bought_everything_gets_no_recommendation() -> None:
    found = recommend(purchases(("a", "x"), ("a", "y"), ("b", "x")), 5)
    assert found.select("customer_id", "item", "rank").rows() == [("b", "y", 1)]


def test_one_item_only() -> None:
    assert recommend(purchases(("a", "x"), ("b", "x")), 3).is_empty()


def test_no_purchases() -> None:
    empty = purchases()
    assert recommend(empty, 3).columns == ["customer_id", "item", "rank", "score"]
    assert fit_recommendations(empty, 10).compared.filter("is_chosen")["method"].to_list() == [
        "popularity"
    ]


def test_ten_customers_who_bought_once() -> None:
    found = recommend(purchases(*((str(i), "x" if i else "y") for i in range(10))), 2)
    assert found.height == 10
    assert found.filter(pl.col("customer_id") == "0")["item"].to_list() == ["x"]


def test_ids_stay_what_they_are_and_guests_stay_out() -> None:
    bought = pl.DataFrame({"customer_id": ["007", "7", None], "item": ["01", "1", "1"]})
    assert recommend(bought, 1).select("customer_id", "item").rows() == [("007", "1"), ("7", "01")]
    numbers = pl.DataFrame({"customer_id": [2, 1], "item": [10, 9]})
    assert recommend(numbers, 1).select("customer_id", "item").rows() == [(1, 10), (2, 9)]


def test_kinds_are_recommended_like_items(split: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Customers whose items have no kind get no recommendation, as if they had bought nothing."""
    before, _ = split
    of = pl.when(pl.col("item") != before["item"][0]).then(pl.col("item").str.slice(-1))
    kinds = before.select("item", kind=of).unique()
    alone = pl.DataFrame({"customer_id": ["a"], "item": before["item"][:1]})
    bought = pl.concat([before, alone], how="diagonal")
    by_kind = bought.join(kinds, on="item").select("customer_id", pl.exclude("customer_id", "item"))
    expected = fit_recommendations(by_kind.rename({"kind": "item"}), 2)
    found = fit_recommendations(gather_kinds(list_purchases(bought), kinds), 2)
    assert found.items.equals(expected.items)
    assert found.compared.equals(expected.compared)
    assert "a" not in found.items["customer_id"]


def test_the_first_known_day_of_a_purchase_counts() -> None:
    days = [date(2026, 1, 3), None, date(2026, 1, 2), None]
    items = pl.DataFrame({"customer_id": ["a", "a", "a", "b"], "item": "x", "order_date": days})
    known = list_purchases(items)
    assert known.when is not None
    assert known.when.tolist() == [0, -1]
    assert known.customer.tolist() == [0, 1]


def test_large_data_use_a_sample_of_customers_and_the_most_bought_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = [
        (f"c{i}", item) for item, n in zip("xyzw", (5, 4, 3, 1), strict=True) for i in range(n)
    ]
    bought = purchases(*pairs, ("new", "w"))
    whole = recommend(bought, 3)
    monkeypatch.setattr("c360_dagster.science.recommenders.CELLS", 1)
    assert recommend(bought, 3).equals(whole)
    monkeypatch.setattr("c360_dagster.science.recommenders.MOST_ITEMS", 2)
    assert recommend(bought, 3).select("customer_id", "item").rows() == [
        ("c4", "y"),
        ("new", "x"),
        ("new", "y"),
    ]
    monkeypatch.setattr("c360_dagster.science.recommenders.LEARNERS", 2)
    assert learn_pairs(csr_matrix(np.eye(4))).diagonal().tolist() == [1, 0, 1, 0]


def test_unusable_input_is_an_error() -> None:
    with pytest.raises(ValueError, match="lack the columns item"):
        recommend(pl.DataFrame({"customer_id": ["a"]}), 3)
    with pytest.raises(ValueError, match="n must be"):
        recommend(purchases(("a", "x")), 0)
