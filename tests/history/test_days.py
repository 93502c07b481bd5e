"""Recorded days are files: each can be replaced, all are shown together, month ends published."""

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from c360_dagster.building.computed import create_computed, read_computed
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.history.days import History, HistoryError, create_view_of_days, excerpt

ALL = "select as_of_date, customer_id, persona from gold.customer_360_history order by all"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_computed(connection)
        yield connection


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history" / "customer_360")


def make_mart(
    con: duckdb.DuckDBPyConnection, day: str, *people: tuple[str, str], without: str = "churn_risk"
) -> None:
    """Makes a mart of that day without one column, as an older version would have made it."""
    columns = read_computed()["gold.customer_360_history"].columns
    names = ", ".join(f"{each.name} {each.type}" for each in columns if each.name != without)
    con.execute(f"create or replace table gold.mart_customer_360 ({names})")
    for person, persona in people:
        con.execute(
            "insert into gold.mart_customer_360 (customer_id, persona, as_of_date) "
            "values (?, ?, ?)",
            [person, persona, day],
        )


def test_the_history_has_the_columns_of_the_mart() -> None:
    (mart,) = [
        node
        for node in read_manifest()["nodes"].values()
        if node["name"] == "mart_customer_360" and node["resource_type"] == "model"
    ]
    declared = [
        (name, column["data_type"].replace("string", "varchar").replace(", ", ","))
        for name, column in mart["columns"].items()
    ]
    kept = read_computed()["gold.customer_360_history"].columns
    assert [(column.name, column.type) for column in kept] == declared


def test_a_day_recorded_again_is_replaced(con: duckdb.DuckDBPyConnection, history: History) -> None:
    make_mart(con, "2026-01-01", ("c1", "A"), ("c2", "A"))
    history.record(con)
    make_mart(con, "2026-01-02", ("c1", "B"))
    history.record(con)
    make_mart(con, "2026-01-01", ("c1", "C"))
    recorded = history.record(con)
    assert recorded
    assert (recorded.date, recorded.customers) == (date(2026, 1, 1), 1)
    assert stat.S_IMODE(recorded.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.folder.stat().st_mode) == 0o700
    history.create_view(con)
    assert con.execute(ALL).fetchall() == [
        (date(2026, 1, 1), "c1", "C"),
        (date(2026, 1, 2), "c1", "B"),
    ]


def test_the_table_is_there_and_empty_before_a_day_is_recorded(
    con: duckdb.DuckDBPyConnection, history: History
) -> None:
    history.create_view(con)
    assert con.execute(ALL).fetchall() == []
    make_mart(con, "2026-01-01")
    assert history.record(con) is None
    assert history.days() == []


def test_days_outlive_the_warehouse(con: duckdb.DuckDBPyConnection, history: History) -> None:
    make_mart(con, "2026-01-01", ("c1", "A"))
    history.record(con)
    with duckdb.connect() as another:
        create_computed(another)
        history.create_view(another)
        create_computed(another)
        assert another.execute(ALL).fetchall() == [(date(2026, 1, 1), "c1", "A")]


def test_other_files_in_the_folder_are_no_days(
    con: duckdb.DuckDBPyConnection, history: History
) -> None:
    make_mart(con, "2026-01-01", ("c1", "A"))
    history.record(con)
    (history.folder / "2026-01-01 (copy).parquet").write_bytes(b"half a copy")
    history.create_view(con)
    assert history.days() == [date(2026, 1, 1)]
    assert con.execute(ALL).fetchall() == [(date(2026, 1, 1), "c1", "A")]


def test_a_day_that_cannot_be_read_is_named(
    con: duckdb.DuckDBPyConnection, history: History
) -> None:
    for day in ("2026-01-01", "2026-01-02"):
        make_mart(con, day, ("c1", "A"))
        history.record(con)
    damaged = history.folder / "2026-01-02.parquet"
    damaged.write_bytes(damaged.read_bytes()[:50])
    with pytest.raises(HistoryError, match=rf"{damaged.name} cannot be read .* move it away"):
        history.create_view(con)
    damaged.unlink()
    table = read_computed()["gold.customer_360_history"]
    with pytest.raises(duckdb.CatalogException):
        create_view_of_days(con, table, "select * from nowhere", history.folder)


def test_a_column_that_a_day_lacks_is_null_in_it(
    con: duckdb.DuckDBPyConnection, history: History
) -> None:
    for day, lacking in (("2026-01-01", "churn_risk"), ("2026-01-02", "tickets_open")):
        make_mart(con, day, ("c1", "A"), without=lacking)
        history.record(con)
        history.create_view(con)
        described = con.execute("describe gold.customer_360_history").fetchall()
        columns = read_computed()["gold.customer_360_history"].columns
        assert [row[0] for row in described] == [column.name for column in columns]
        assert [row[1].lower() for row in described] == [column.type for column in columns]
    assert len(con.execute(ALL).fetchall()) == 2


def test_a_day_with_a_duplicate_customer_is_not_recorded(
    con: duckdb.DuckDBPyConnection, history: History
) -> None:
    make_mart(con, "2026-01-01", ("c1", "A"), ("c1", "B"))
    with pytest.raises(HistoryError, match=r"2026-01-01 is not recorded: .* 2 rows for 1 customer"):
        history.record(con)
    assert history.days() == []


def test_the_last_day_of_each_month_is_published(
    con: duckdb.DuckDBPyConnection, history: History
) -> None:
    assert con.execute(excerpt(history.published_days())).fetchall() == []
    for day in ("2024-12-31", "2025-01-30", "2025-01-31", "2025-02-01", "2026-01-05", "2026-01-04"):
        make_mart(con, day, ("c1", "A"))
        history.record(con)
    history.create_view(con)
    ends = [date(2024, 12, 31), date(2025, 1, 31), date(2025, 2, 1), date(2026, 1, 5)]
    assert history.published_days() == ends
    column = f"select as_of_date from ({excerpt(ends)}) order by 1"
    assert [day for (day,) in con.execute(column).fetchall()] == ends


def test_the_month_a_year_before_the_latest_is_published_too(history: History) -> None:
    history.folder.mkdir(parents=True)
    for month in range(24):
        (history.folder / f"{2024 + month // 12}-{month % 12 + 1:02}-15.parquet").touch()
    published = history.published_days()
    assert (published[0], published[-1]) == (date(2024, 12, 15), date(2025, 12, 15))
