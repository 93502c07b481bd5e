"""What loading reports: each file's problem, shared problems only once, and a check by itself."""

from pathlib import Path

import dagster as dg

from c360_dagster.assets.bronze import build_bronze, say_load
from c360_dagster.assets.describe import markdown_table
from c360_dagster.loading.load_log import FileLoad, TableLoad
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import read_settings


def test_findings_of_many_files_are_reported_once() -> None:
    """With a file for each store and day, headers and the files of closed stores are all alike."""
    days = [f"sales/transactions_2025-06-{day:02}.csv" for day in range(1, 6)]
    load = TableLoad(
        "transactions",
        [
            FileLoad(days[0], "loaded", unknown_columns=("Gutschein",)),
            FileLoad(days[1], "loaded", unknown_columns=("Gutschein",)),
            FileLoad(days[2], "refused", "it is empty."),
            *(FileLoad(name, "repeated", f"{name}: the same.") for name in days[3:]),
        ],
    )
    assert list(say_load(load)) == [
        "it is empty.",
        "sales/transactions_2025-06-04.csv: the same. The same is true of 1 more.",
        (
            "sales/transactions_2025-06-01.csv and 1 more: loaded without Gutschein: "
            "docs/your-own-data.md lists the columns of transactions."
        ),
    ]
    assert list(say_load(TableLoad("transactions", [FileLoad(days[0], "unchanged")]))) == []


def test_cells_are_shown_as_text_and_not_as_markup() -> None:
    """The UI would draw the tag and fetch the picture, and so tell its owner who looks when."""
    hostile = "![](http://x/y) <b>|`*~\\|"
    *_, row = markdown_table(("name",), [[hostile]]).splitlines()
    assert row == "| !\\[\\](http://x/y) \\<b\\>\\|\\`\\*\\~\\\\\\| |"
    *_, row = markdown_table(("name",), [["|" * 99]]).splitlines()
    assert row == "| " + "\\|" * 39 + "… |"


def test_a_check_alone_is_answered_by_what_lies_in_landing(tmp_path: Path) -> None:
    """The button beside a check in the UI runs it in this way."""
    settings = read_settings({"C360_HOME": str(tmp_path)})
    check = dg.AssetCheckKey(dg.AssetKey(["bronze", "suppliers"]), "arrival")
    done = dg.materialize(
        [build_bronze(settings)],
        selection=dg.AssetSelection.checks(check),
        resources={
            "lock": HomeLock(home=str(tmp_path), timeout=5),
            "warehouse": Warehouse(path=str(settings.warehouse), scratch=str(settings.scratch)),
        },
    )
    (answer,) = done.get_asset_check_evaluations()
    assert (answer.asset_check_key, answer.passed) == (check, False)
    assert "no file of suppliers lies in landing/products" in str(answer.description)
