"""The step that writes the report: reproducible, with a memory of old reports, which it deletes."""

import os
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster.assets.daily_report import READS, build_daily_report
from c360_dagster.daily_report.facts import (
    DAY,
)
from c360_dagster.daily_report.gather import gather
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings, read_settings
from tests.dashboard.small_snapshot import AS_OF


def test_the_graph_shows_each_table_of_gold_that_is_asked() -> None:
    asked = Path(gather.__code__.co_filename).read_text("utf-8")
    assert set(re.findall(r"\bgold\.([a-z0-9_]+)", asked)) == set(READS["gold"])


@pytest.fixture
def materialize(home: Path, tmp_path: Path) -> Callable[..., Settings]:
    """Returns a function that writes a day's report into a temporary home and returns its settings.

    `late` is SQL that changes the warehouse before the report is written.
    """

    def write(as_of: date = AS_OF, late: str = "", **variables: str) -> Settings:
        settings = read_settings({"C360_HOME": str(tmp_path)} | variables)
        settings.warehouse.write_bytes((home / "warehouse.duckdb").read_bytes())
        with duckdb.connect(str(settings.warehouse)) as con:
            con.execute("update gold.publication set as_of_date = ?", [as_of])
            if late:
                con.execute(late)
        done = dg.materialize(
            [build_daily_report(settings, read_manifest())],
            resources={
                "lock": HomeLock(home=str(settings.home), timeout=5),
                "warehouse": Warehouse(
                    path=str(settings.warehouse),
                    timezone="UTC",
                    scratch=str(settings.scratch),
                    timeout=5,
                ),
            },
        )
        assert done.success
        return settings

    return write


def read_reports(settings: Settings) -> dict[str, str]:
    folder = settings.published / "reports"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def test_the_same_day_again_gives_the_same_bytes(materialize: Callable[..., Settings]) -> None:
    materialize(AS_OF - DAY)
    first = read_reports(materialize())
    settings = materialize()
    assert read_reports(settings) == first
    assert sorted(first) == [
        f"2026-06-{day}.{kind}" for day in (29, 30) for kind in ("html", "json")
    ]
    newest = (settings.published / "report.html").read_text("utf-8")
    assert newest == first["2026-06-30.html"]
    assert "The last report was of Monday, 29 June 2026." in newest
    assert "This is the first report" in first["2026-06-29.html"]


def test_a_report_restates_figures_of_yesterdays_report(
    materialize: Callable[..., Settings],
) -> None:
    materialize(AS_OF - DAY)
    late = "update gold.fct_orders set net_amount = 130 where order_id = 'O1'"
    settings = materialize(AS_OF, late)
    page = (settings.published / "report.html").read_text("utf-8")
    assert "said $100.00 from 1 order; with the rows that came since it is $130.00" in page


@pytest.mark.parametrize("content", [b"{", b"\xff"])
def test_an_unreadable_earlier_report_is_ignored(
    materialize: Callable[..., Settings], content: bytes
) -> None:
    settings = materialize(AS_OF - DAY)
    (settings.published / "reports" / "2026-06-29.json").write_bytes(content)
    materialize()
    assert "This is the first report" in (settings.published / "report.html").read_text("utf-8")


def test_old_pages_go_and_the_one_compared_with_stays(materialize: Callable[..., Settings]) -> None:
    for day in (date(2026, 3, 1), date(2026, 4, 1), AS_OF):
        settings = materialize(day, C360_KEEP_DAYS="30")
    left = {name.split(".")[0] for name in read_reports(settings)}
    assert left == {"2026-04-01", "2026-06-30"}


def test_a_refused_file_is_listed_even_if_it_cannot_be_opened(
    materialize: Callable[..., Settings], tmp_path: Path
) -> None:
    """One file is a link to nowhere; the other has a name that is not UTF-8."""
    folder = tmp_path / "landing" / "products"
    folder.mkdir(parents=True)
    (folder / "products_link.csv").symlink_to("nowhere.csv")
    Path(os.fsdecode(bytes(folder) + b"/products_\xe9.csv")).touch()
    names = ("products/products_link.csv", "products/products_\ufffd.csv")
    lines = ", ".join(f"('{name}', 'refused', '{name}: no.')" for name in names)
    settings = materialize(
        late=f"insert into bronze.load_log (path, status, message) values {lines}"
    )
    page = (settings.published / "report.html").read_text("utf-8")
    assert [name in page for name in names] == [True, True]
