"""What customers are expected to bring, and who may leave."""

from pathlib import Path

import pytest

from c360_dashboard.queries import value
from c360_dashboard.snapshot import Reader
from tests.dashboard.queries.chosen import chosen, pairs
from tests.dashboard.small_snapshot import open_snapshot, rows


def test_value_at_risk_is_value_times_risk(reader: Reader) -> None:
    found = value.load(reader, chosen())
    assert found.totals["clv_12m"] == 500
    assert found.totals["value_at_risk"] == pytest.approx(400 * 0.1 + 100 * 0.8)
    assert found.totals["at_risk"] == 1
    assert found.leaving["customer_id"].to_list() == ["C2"]
    assert found.values["customers"].sum() == found.risks["customers"].sum() == 2


def test_customers_who_never_bought_have_no_value_at_risk(reader: Reader) -> None:
    """In gold, C3 has a value of 0 and a risk of 1."""
    found = value.load(reader, chosen())
    assert (found.totals["customers"], found.totals["avg_clv_12m"]) == (2, 250)
    assert pairs(found.risks, "low", "customers") == {0.1: 1, 0.8: 1}
    assert found.bands.select("value_band", "risk_band").rows() == [
        ("High", "Low"),
        ("Low", "High"),
    ]
    assert found.forecasts["persona"].to_list() == ["Engaged Regulars", "Premium but At-Risk"]
    never = value.load(reader, chosen(personas=("No purchase yet",)))
    assert never.totals["customers"] == 0


def test_customers_expected_to_spend_nothing_have_a_low_value(tmp_path: Path) -> None:
    """Their number does not matter: if two thirds bring nothing, the upper third begins at 0."""
    gone = rows()
    gone["mart_customer_360"] = [
        row | {"clv_12m": 0 if row["total_orders"] else row["clv_12m"]}
        for row in gone["mart_customer_360"]
    ]
    with open_snapshot(tmp_path, gone) as opened:
        found = value.load(opened, chosen()).bands
    assert set(found["value_band"]) == {"Low"}


def test_forecasts_are_shown_beside_what_came(reader: Reader) -> None:
    found = value.load(reader, chosen()).calibration
    assert found.select("against", "tenth", "expected", "actual", "missed").rows() == [
        ("holdout", 1, 10.0, 8.0, 0.25),
        ("holdout", 2, 90.0, 100.0, pytest.approx(-0.1)),
        ("future", 1, 12.0, 0.0, None),  # nothing came, so there is no relative error
    ]
