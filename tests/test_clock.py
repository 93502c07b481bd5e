"""No Python module asks the clock, so that the same data as of the same day give the same answer.

The few modules that may ask (for settings, load times, the publication's time, checks of recency)
are named here.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.test_repository import OURS, ROOT

ALLOWED = {
    Path("c360_dagster/settings.py"): "its `now`, and yesterday as the simulation's last day",
    Path("c360_dagster/assets/audiences.py"): "when a batch was delivered",
    Path("c360_dagster/assets/bronze.py"): "when a file was loaded",
    Path("c360_dagster/assets/dbt.py"): "when gold was published",
    Path("c360_dagster/assets/publish.py"): "how old what earlier runs left is",
    Path("c360_dagster/checks/recency.py"): "how long ago the data ends",
    Path("c360_dagster/resources/at_work.py"): "how long ago a run began",
    Path("c360_dashboard/app.py"): "how long ago it was published",
}
# METHODS belong to datetime, date, pandas and our settings, FUNCTIONS to the module `time`.
# `monotonic` and the like are allowed: how long something took is no date.
METHODS = {"now", "utcnow", "today"}
FUNCTIONS = {"time", "time_ns", "localtime", "gmtime", "ctime", "asctime"}
IN_SQL = re.compile(
    r"\b(current_date|current_timestamp|current_time|localtime|localtimestamp|sysdate"
    r"|systimestamp|run_started_at)\b"
    r"|\b(now|today|getdate|curdate|unix_timestamp|get_current_timestamp"
    r"|transaction_timestamp|clock_timestamp|statement_timestamp)\s*\(",
    re.IGNORECASE,
)


def asks_the_clock(tree: ast.AST) -> bool:
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in METHODS)
        or (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "time"
            and node.attr in FUNCTIONS
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and not FUNCTIONS.isdisjoint(alias.name for alias in node.names)
        )
        or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and IN_SQL.search(node.value) is not None
        )
        for node in ast.walk(tree)
    )


def test_only_the_listed_modules_ask_the_clock() -> None:
    assert len(OURS) > 30
    asking = {path for path in OURS if asks_the_clock(ast.parse((ROOT / path).read_text("utf-8")))}
    assert asking == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "from time import time_ns",
        "from datetime import date\ndate.today()",
        "import datetime\ndatetime.datetime.now()",
        "con.execute('select now()')",
        "con.execute(f'select {x} where day < current_date')",
        "age = settings.now() - day",
    ],
)
def test_code_that_asks_the_clock_is_detected(source: str) -> None:
    assert asks_the_clock(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    ["import time\ntime.monotonic()", '"""What is known now()."""', "x = 'knows nothing'"],
)
def test_code_that_does_not_ask_the_clock_is_accepted(source: str) -> None:
    assert not asks_the_clock(ast.parse(source))
