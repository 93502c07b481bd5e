"""The file of decisions: what its lines say, and what is said of a line that says nothing."""

from pathlib import Path

import pytest

from c360_dagster.resources.decisions import DecisionsError, read_decisions
from c360_dagster.settings import read_settings

HEADER = "decision,left_system,left_id,right_system,right_id,why\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "decisions.csv"
    path.write_text(text, "utf-8")
    return path


def test_pairs_under_what_was_decided(tmp_path: Path) -> None:
    first = 'Always,crm,C1,workbooks,007,"she said so, twice"'
    path = write(tmp_path, f"\ufeff{HEADER}{first}\n\nnever,crm,C1,crm,C2\n")
    assert read_decisions(path) == {
        "always": [(("crm", "C1"), ("workbooks", "007"))],
        "never": [(("crm", "C1"), ("crm", "C2"))],
    }


def test_the_file_that_ships_decides_nothing() -> None:
    assert read_decisions(read_settings({}).decisions) == {"always": [], "never": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decision;left\n", "line 1: the header must be decision,left_system"),
        ("", "line 1: the header must be"),
        (HEADER + "maybe,crm,C1,crm,C2,\n", "line 2: the decision is 'maybe'"),
        (HEADER + "always,crm,C1,crm,,\n", "line 2: two records are needed"),
        (HEADER + "always,crm,C1\n", "line 2: two records are needed"),
        (HEADER + "never,crm,C1,crm,C1,\n", "line 2: both sides are the record crm C1"),
    ],
)
def test_a_line_that_cannot_be_obeyed_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DecisionsError, match=said):
        read_decisions(write(tmp_path, text))
