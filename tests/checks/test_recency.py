"""Data that stops arriving is reported; data that goes on is not."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import duckdb
import pytest

from c360_dagster.checks.recency import build_recency, check_recency
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.definitions import build_definitions
from c360_dagster.layers import LAYERS
from c360_dagster.settings import read_settings

WATCHED = {
    "transactions": {
        "loaded_at_query": "select max(placed_at) from transactions",
        "freshness": {"warn_after": {"count": 2, "period": "day"}},
    }
}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Data as of 10 June, with the last order on the evening before."""
    with duckdb.connect() as connection:
        connection.execute("create schema silver")
        connection.execute(
            "create table silver.int_data_clock as select date '2025-06-10' as as_of_date"
        )
        connection.execute(
            "create table transactions as select timestamp '2025-06-09 20:00:00' as placed_at"
        )
        yield connection


def check(
    con: duckdb.DuckDBPyConnection, now: datetime, **variables: str
) -> tuple[bool, str | None]:
    result = check_recency(con, WATCHED, read_settings(variables), now)
    assert result.severity == dg.AssetCheckSeverity.WARN
    return result.passed, result.description


def test_yesterdays_data_is_recent_all_day(con: duckdb.DuckDBPyConnection) -> None:
    assert check(con, datetime(2025, 6, 10, 0, 1)) == (True, "As of 2025-06-10.")
    assert check(con, datetime(2025, 6, 11, 19, 59)) == (True, "As of 2025-06-10.")


def test_a_silent_source_is_named_with_its_last_day(con: duckdb.DuckDBPyConnection) -> None:
    late = "No newer events in transactions (2025-06-09)."
    assert check(con, datetime(2025, 6, 11, 20, 1)) == (False, late)


def test_a_missing_delivery_is_reported(con: duckdb.DuckDBPyConnection) -> None:
    ended = "The data ends on 2025-06-10, 2 days ago: is a delivery missing?"
    assert check(con, datetime(2025, 6, 12, 0, 1)) == (False, ended)


def test_where_nothing_has_a_day_no_delivery_is_missing(con: duckdb.DuckDBPyConnection) -> None:
    """If the very first files were refused, the as-of day is 1970, which is no real day."""
    con.execute("update silver.int_data_clock set as_of_date = date '1970-01-01'")
    said = "Nothing with a date was loaded: look at what was refused or rejected."
    assert check(con, datetime(2025, 6, 12)) == (False, said)


def test_data_from_future_days_are_questioned(con: duckdb.DuckDBPyConnection) -> None:
    """A fast clock or a mistyped date causes it. One day is fine: somewhere it is tomorrow."""
    assert check(con, datetime(2025, 6, 9, 12)) == (True, "As of 2025-06-10.")
    ahead = "The data reaches 2025-06-10, 2 days ahead: is a date in it wrong?"
    assert check(con, datetime(2025, 6, 8, 12)) == (False, ahead)


def test_a_run_as_of_a_past_day_gets_no_warning(con: duckdb.DuckDBPyConnection) -> None:
    passed, _ = check(con, datetime(2030, 1, 1), C360_AS_OF="2025-06-10")
    assert passed


def test_every_source_of_daily_events_can_be_checked() -> None:
    """The queries come from the dbt project; here they only have to be found."""
    definitions = build_recency(read_settings({}), read_manifest())
    (key,) = definitions.check_keys
    assert key.to_user_string() == "silver/int_data_clock:data_is_recent"
    assert "lock" in definitions.required_resource_keys


def test_every_table_has_its_layers_window() -> None:
    windows = {layer.name: layer.freshness for layer in LAYERS}
    own = {
        spec.key: spec
        for assets in build_definitions(read_settings({})).assets or []
        if isinstance(assets, dg.AssetsDefinition)
        for spec in assets.specs
    }
    assert len(own) > 100
    for key, spec in own.items():
        window, policy = windows[key.path[0]], spec.freshness_policy
        if window is None:
            assert (key.path[0], policy) == ("landing", None)
            continue
        told = dg.FreshnessPolicy.time_window(fail_window=window.fail, warn_window=window.warn)
        assert policy == told, key
        assert (window.warn.total_seconds(), window.fail.total_seconds()) == (26 * 3600, 36 * 3600)
