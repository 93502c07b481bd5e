"""Segments are found, are stable and keep their names; edge cases have an answer too."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from c360_dagster.science.kmeans import draw_chances, run_kmeans
from c360_dagster.science.personas import PERSONA_FEATURES, PERSONAS, match_personas
from c360_dagster.science.segmentation import Segments, fit_segments, share_changed
from c360_dagster.science.stability import adjusted_rand
from tests.science.retailer import Retailer


def agreement(labels: pl.DataFrame, truth: pl.DataFrame, group: str) -> float:
    both = labels.join(truth, on="customer_id")
    return float(adjusted_rand_score(both[group].to_list(), both["cluster_id"].to_list()))


def shuffle(frame: pl.DataFrame, seed: int = 1) -> pl.DataFrame:
    return frame.sample(fraction=1.0, shuffle=True, seed=seed)


def with_ids(columns: Mapping[str, object]) -> pl.DataFrame:
    frame = pl.DataFrame(columns)
    ids = pl.int_range(frame.height, eager=True).cast(pl.String).str.zfill(5)
    return frame.insert_column(0, ids.alias("customer_id"))


@pytest.fixture(scope="module")
def lognormal() -> pl.DataFrame:
    """Three groups of equal size, whose values differ by factors."""
    rng = np.random.default_rng(4)
    group = np.arange(600) % 3
    middle = np.log(np.array([[20, 900, 8], [150, 60, 90], [1200, 300, 900]]))[group]
    values = np.exp(middle + 0.6 * rng.normal(size=middle.shape))
    return with_ids({"group": group, **{f"x{i}": values[:, i] for i in range(3)}})


@pytest.fixture(scope="module")
def personas(retailer: Retailer) -> Segments:
    return fit_segments(retailer.features().drop("orders"))


# Groups that are there are found ----------------------------------------------------------------


def test_groups_apart_by_factors_are_found(lognormal: pl.DataFrame) -> None:
    found = fit_segments(lognormal.drop("group"), k=3)
    assert agreement(found.labels, lognormal, "group") > 0.9
    raw = lognormal.select("x0", "x1", "x2").to_numpy()
    unlogged = KMeans(3, n_init=5, random_state=0).fit_predict((raw - raw.mean(0)) / raw.std(0))
    assert adjusted_rand_score(lognormal["group"].to_list(), unlogged) < 0.6


def test_centroids_are_in_the_features_own_units(lognormal: pl.DataFrame) -> None:
    found = fit_segments(lognormal.drop("group"), k=3).centroids.sort("x0")
    assert found.columns == ["cluster_id", "persona", "x0", "x1", "x2"]
    assert found["x0"].to_list() == pytest.approx([20, 150, 1200], rel=0.1)
    assert found["x1"].to_list() == pytest.approx([900, 60, 300], rel=0.1)


def test_a_few_net_refunds_do_not_hide_the_groups(lognormal: pl.DataFrame) -> None:
    refunded = pl.col("customer_id").cast(pl.Int64) % 100 == 0
    features = lognormal.with_columns(x0=pl.when(refunded).then(-5.0).otherwise("x0"))
    found = fit_segments(features.drop("group"), k=3)
    assert agreement(found.labels, lognormal, "group") > 0.9


def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    group = np.arange(400) % 2
    features = {"a": group * 4 + rng.normal(size=400), "b": group * 4 + rng.normal(size=400)}
    one = fit_segments(with_ids(features), k=2)
    other = fit_segments(with_ids(features | {"b": features["b"] * 1e6}), k=2)
    assert one.labels.equals(other.labels)


def test_how_well_k_holds_does_not_depend_on_threads(
    lognormal: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("c360_dagster.science.stability.THREADS", threads)
        told.append(fit_segments(lognormal.drop("group"), k=3).stability)
    assert told[0].equals(told[1])
    assert told[0].equals(told[2])


def test_k_means_is_as_good_as_another_implementation(lognormal: pl.DataFrame) -> None:
    points = np.log(lognormal.select("x0", "x1", "x2").to_numpy()[:250])
    for k in (2, 4, 7):
        chances = draw_chances(np.random.default_rng(0), k, 10)
        ours = run_kmeans(points, np.ones((1, len(points))), chances)
        theirs = KMeans(k, n_init=5, random_state=0).fit(points)
        assert ours.inertia[0] <= theirs.inertia_ * 1.005


def test_customers_with_weight_zero_move_no_centre(lognormal: pl.DataFrame) -> None:
    strangers = with_ids({f"x{i}": np.full(300, 1e5 + i) for i in range(3)})
    strangers = strangers.with_columns(
        customer_id="z" + pl.col("customer_id"), evidence=pl.lit(0.0)
    )
    weighed = lognormal.drop("group").with_columns(evidence=pl.lit(1.0))
    alone, crowded = (fit_segments(f, k=3) for f in (weighed, pl.concat([weighed, strangers])))
    assert crowded.labels.height == 900
    assert agreement(crowded.labels, lognormal, "group") > 0.9
    for name in ("x0", "x1", "x2"):
        known = alone.centroids[name].sort().to_list()
        assert crowded.centroids[name].sort().to_list() == pytest.approx(known, rel=0.02)


# Stability --------------------------------------------------------------------------------------


def test_the_right_number_of_groups_is_stable_and_flagged() -> None:
    """All six groups are equally far apart, so five clusters must join an arbitrary two of them."""
    rng = np.random.default_rng(2)
    values = 5.0 * np.eye(6)[np.arange(900) % 6] + 0.3 * rng.normal(size=(900, 6))
    features = with_ids({f"x{i}": values[:, i] for i in range(6)})
    found = fit_segments(features).stability
    assert found["k"].to_list() == list(range(2, 11))
    assert found.filter("is_chosen")["k"].to_list() == [5]
    stable = dict(found.select("k", "mean_ari").iter_rows())
    assert stable[6] > 0.99
    assert stable[5] < 0.9
    assert found.filter("is_clearly_better")["k"].to_list() == [6]
    chosen = fit_segments(features, k=6).stability
    assert chosen.filter("is_chosen")["k"].to_list() == [6]
    assert not chosen["is_clearly_better"].any()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_the_rand_index_agrees_with_another_implementation(pairs: list[tuple[int, int]]) -> None:
    left, right = np.array(pairs).T
    assert adjusted_rand(left, right, 4) == pytest.approx(adjusted_rand_score(left, right))


# Personas ---------------------------------------------------------------------------------------


def test_the_simulators_personas_are_found_and_named(
    retailer: Retailer, personas: Segments
) -> None:
    assert personas.personas == dict(enumerate(PERSONAS, 1))
    known = (
        retailer.features().filter(pl.col("orders") >= 3).join(retailer.people, on="customer_id")
    )
    assert agreement(personas.labels, known, "persona") >= 0.70
    named = personas.labels.join(known, on="customer_id").select(
        (pl.col("cluster_id").replace_strict(personas.personas) == pl.col("persona")).mean()
    )
    assert named.item() >= 0.85


def test_the_personas_are_stable_and_none_is_tiny(personas: Segments) -> None:
    assert personas.stability.filter("is_chosen")["mean_ari"].item() >= 0.80
    shares = personas.labels["cluster_id"].value_counts(normalize=True)["proportion"]
    assert shares.to_numpy().min() >= 0.05


def test_centroids_look_like_their_names(personas: Segments) -> None:
    by_name = {row["persona"]: row for row in personas.centroids.iter_rows(named=True)}
    assert set(PERSONA_FEATURES) <= set(personas.centroids.columns)

    def most(feature: str) -> str:
        return str(max(by_name, key=lambda name: by_name[name][feature]))

    assert most("orders_per_month") == most("channels") == "Engaged Regulars"
    assert most("silence") == "Premium but At-Risk"
    assert most("discount_share") == "Price-Sensitive Shoppers"
    dear, cheap = by_name["Occasional Premiums"], by_name["Price-Sensitive Shoppers"]
    assert dear["avg_order_value"] > 3 * cheap["avg_order_value"]


def test_names_survive_another_seed(retailer: Retailer, personas: Segments) -> None:
    again = fit_segments(retailer.features().drop("orders"), seed=11)
    changed = share_changed(personas.labels, again.labels)
    assert changed is not None
    assert changed <= 0.02


def test_names_survive_a_new_day(retailer: Retailer, personas: Segments) -> None:
    yesterday = retailer.features(retailer.as_of - timedelta(days=1)).drop("orders")
    changed = share_changed(fit_segments(yesterday).labels, personas.labels)
    assert changed is not None
    assert changed <= 0.03


def test_the_order_of_rows_and_columns_changes_no_byte(
    retailer: Retailer, personas: Segments
) -> None:
    features = retailer.features().drop("orders")
    other = fit_segments(shuffle(features).select(reversed(features.columns)))
    assert other.labels.equals(personas.labels)
    assert other.centroids.equals(personas.centroids)
    assert other.stability.equals(personas.stability)


def test_a_cluster_is_named_by_what_it_is_like() -> None:
    """The names do not depend on the clusters' order, and a few features are enough for them."""
    names = ["avg_order_value", "discount_share", "silence"]
    centres = np.array([[-1.0, 1.5, 0.1], [1.0, -0.5, 2.2], [1.3, -0.6, -0.4]])
    assert match_personas(centres, names) == [4, 2, 3]
    assert match_personas(centres[::-1], names) == [3, 2, 4]


def test_more_clusters_than_personas_get_neutral_names(retailer: Retailer) -> None:
    found = fit_segments(retailer.features().drop("orders"), k=7)
    assert found.centroids["persona"].to_list() == [*PERSONAS, "Segment 6", "Segment 7"]


def test_fewer_clusters_keep_their_personas_numbers(retailer: Retailer) -> None:
    found = fit_segments(retailer.features().drop("orders"), k=3)
    assert all(PERSONAS[number - 1] == name for number, name in found.personas.items())


# A caller's own features ------------------------------------------------------------------------


def test_other_features_get_neutral_names_from_high_to_low(lognormal: pl.DataFrame) -> None:
    found = fit_segments(lognormal.drop("group"), k=3)
    assert found.centroids["persona"].to_list() == ["Segment 1", "Segment 2", "Segment 3"]
    assert found.centroids["x0"][0] == pytest.approx(1200, rel=0.1)
    assert fit_segments(lognormal.drop("group"), k=3, seed=9).personas == found.personas


def test_previous_centroids_hand_names_on() -> None:
    """The larger group becomes the smaller one; without help, the higher one always comes first."""
    group = np.arange(200) % 2
    wiggle = np.linspace(0, 0.2, 200)
    first = with_ids({"a": group * 1.0 + wiggle, "b": 10.0 - group * 9.0 + wiggle})
    later = with_ids({"a": group * 100.0 + wiggle, "b": 10.0 - group * 0.9 + wiggle})
    renamed = fit_segments(first, k=2).centroids.with_columns(
        cluster_id=pl.col("cluster_id") + 4, persona="Our " + pl.col("persona")
    )
    found = fit_segments(later, k=2, previous=renamed)
    assert set(found.centroids["cluster_id"]) == {5, 6}
    assert set(found.centroids["persona"]) == {"Our Segment 1", "Our Segment 2"}
    before = dict(zip(renamed["cluster_id"], renamed["a"], strict=True))
    after = dict(zip(found.centroids["cluster_id"], found.centroids["a"], strict=True))
    assert (before[5] < before[6]) == (after[5] < after[6])


def test_a_cluster_beyond_the_previous_ones_gets_a_free_number(lognormal: pl.DataFrame) -> None:
    features = lognormal.drop("group")
    two = fit_segments(features, k=2).centroids
    found = fit_segments(features, k=4, previous=two)
    assert found.centroids["cluster_id"].to_list() == [1, 2, 3, 4]


def test_neither_order_nor_type_changes_a_byte_with_k_and_previous(
    lognormal: pl.DataFrame,
) -> None:
    features = lognormal.drop("group")
    previous = fit_segments(features, k=3, seed=5).centroids
    found = fit_segments(features, k=4, previous=previous)
    again = fit_segments(
        shuffle(features).select(reversed(features.columns)), k=4, previous=shuffle(previous)
    )
    assert again.labels.equals(found.labels)
    assert again.centroids.equals(found.centroids)
    assert again.stability.equals(found.stability)


# Edges ------------------------------------------------------------------------------------------


def test_ten_customers_are_enough() -> None:
    found = fit_segments(with_ids({"a": range(10), "b": [x * x for x in range(10)]}))
    assert found.labels.height == 10
    assert found.labels["cluster_id"].n_unique() == 5


def test_fewer_customers_than_clusters() -> None:
    found = fit_segments(with_ids({"a": [1.0, 2.0, 30.0]}), k=5)
    assert found.labels["cluster_id"].n_unique() == 3
    one = fit_segments(with_ids({"a": [1.0]}))
    assert one.labels.rows() == [("00000", 1)]
    assert one.stability["mean_ari"].to_list() == [1.0]


def test_constant_features_tell_nobody_apart(lognormal: pl.DataFrame) -> None:
    features = lognormal.drop("group")
    flat = features.with_columns(flat=pl.lit(7.1), other=pl.lit(0))
    assert fit_segments(flat, k=3).labels.equals(fit_segments(features, k=3).labels)
    same = fit_segments(with_ids({"a": [3.3] * 12}))
    assert same.labels["cluster_id"].unique().to_list() == [1]
    assert same.centroids["a"].to_list() == [3.3]


def test_everyone_bought_once() -> None:
    rng = np.random.default_rng(0)
    recency = rng.integers(0, 400, 80)
    found = fit_segments(
        with_ids({
            "avg_order_value": rng.lognormal(4, 1, 80), "discount_share": [0.0] * 80,
            "price_level": [None] * 80, "channels": [1] * 80,
            "orders_per_month": 30.4375 / np.maximum(recency, 90), "silence": recency / 90,
        })
    )  # fmt: skip
    assert found.labels["cluster_id"].n_unique() == 5
    assert set(found.personas.values()) == set(PERSONAS)
    assert found.labels["cluster_id"].null_count() == 0


def test_a_null_is_taken_for_the_median() -> None:
    values = [1.0, 2.0, 3.0, 50.0, 51.0, 52.0, 53.0]
    odd = fit_segments(with_ids({"a": [*values, None, float("nan"), float("inf")]}), k=2)
    plain = fit_segments(with_ids({"a": [*values, 50.0, 50.0, 50.0]}), k=2)
    assert odd.labels.equals(plain.labels)
    assert odd.centroids.equals(plain.centroids)


def test_no_customers_have_no_segments() -> None:
    empty = pl.DataFrame(schema={"customer_id": pl.String, "a": pl.Float64})
    found = fit_segments(empty)
    assert found.labels.schema == {"customer_id": pl.String, "cluster_id": pl.Int64}
    assert found.centroids.columns == ["cluster_id", "persona", "a"]
    assert found.labels.height == found.centroids.height == found.stability.height == 0
    assert share_changed(found.labels, found.labels) is None


def test_ids_stay_what_they_are() -> None:
    ids = ["007", "7", "70", "0"]
    found = fit_segments(pl.DataFrame({"customer_id": ids, "a": [1.0, 2.0, 90.0, 91.0]}), k=2)
    assert found.labels["customer_id"].to_list() == sorted(ids)
    number = fit_segments(pl.DataFrame({"customer_id": [10, 9], "a": [1, 2]}))
    assert number.labels["customer_id"].to_list() == [9, 10]


@pytest.mark.parametrize(
    ("columns", "k", "said"),
    [
        ({"a": [1, 2]}, None, "customer_id"),
        ({"customer_id": ["a", "a"], "x": [1, 2]}, None, "repeated"),
        ({"customer_id": ["a", None], "x": [1, 2]}, None, "empty"),
        ({"customer_id": ["a", "b"], "x": ["1", "2"]}, None, "numbers.*x"),
        ({"customer_id": ["a", "b"]}, None, "at least one"),
        ({"customer_id": ["a", "b"], "cluster_id": [1, 2]}, None, "cannot be called"),
        ({"customer_id": ["a", "b"], "x": [1, 2]}, 0, "k must be"),
        ({"customer_id": ["a"], "x": [1], "evidence": [-1.0]}, None, "evidence"),
    ],
)
def test_unusable_input_is_an_error(
    columns: dict[str, list[object]], k: int | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        fit_segments(pl.DataFrame(columns), k=k)


finite = st.floats(-1e9, 1e9, allow_nan=False)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(finite, st.one_of(st.none(), finite)), min_size=1, max_size=25))
def test_every_customer_is_in_one_cluster_that_exists(
    rows: list[tuple[float, float | None]],
) -> None:
    features = with_ids(
        {"a": [a for a, _ in rows], "b": pl.Series([b for _, b in rows], dtype=pl.Float64)}
    )
    found = fit_segments(features)
    assert found.labels["customer_id"].to_list() == features["customer_id"].to_list()
    assert set(found.labels["cluster_id"]) <= set(found.centroids["cluster_id"])
    assert fit_segments(shuffle(features)).labels.equals(found.labels)


def test_small_groups_are_found_beside_a_thousand_equal_customers() -> None:
    spent = [1.0] * 1500 + [10.0, 20.0, 30.0] * 100
    rows = pl.DataFrame({"customer_id": [f"{n:05}" for n in range(len(spent))], "spent": spent})
    assert fit_segments(rows, k=4).labels["cluster_id"].n_unique() == 4
