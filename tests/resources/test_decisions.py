"""The file of decisions: what its lines mean, and what is said about a line that is wrong."""

from pathlib import Path

import pytest

from c360_dagster.resources.decisions import DecisionsError, list_pairs, read_decisions
from c360_dagster.settings import read_settings

SYSTEMS = ("crm", "workbooks")
HEADER = "decision,left_system,left_id,right_system,right_id,why\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "decisions.csv"
    path.write_text(text, "utf-8")
    return path


def test_decisions_give_pairs_under_always_and_never(tmp_path: Path) -> None:
    first = 'Always, crm ,C1,workbooks, 007,"she said so,\ntwice"'
    path = write(tmp_path, f"\ufeff{HEADER}{first}\n ,,,,,\n\nnever,crm,C1,crm,C2\n")
    decisions = read_decisions(path, SYSTEMS)
    assert [each.line for each in decisions] == [2, 6]
    assert list_pairs(decisions) == {
        "always": [(("crm", "C1"), ("workbooks", "007"))],
        "never": [(("crm", "C1"), ("crm", "C2"))],
    }


def test_the_file_that_ships_decides_nothing() -> None:
    assert read_decisions(read_settings({}).decisions, SYSTEMS) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decision;left\n", "line 1: the header must be decision,left_system"),
        ("", "line 1: the header must be"),
        (HEADER + "maybe,crm,C1,crm,C2,\n", "line 2: the decision is 'maybe'"),
        (HEADER + "always,crm,C1,crm,,\n", "line 2: two records are needed"),
        (HEADER + "always,crm,C1,crm\n", "line 2: two records are needed"),
        (
            HEADER + 'always,crm,C1,crm,C2,"she said\nnever,crm,C3,crm,C4,twins\n',
            "line 2: its quotes do not match",
        ),
        (HEADER + "never,crm,C1,crm,C1,\n", "line 2: both sides are the record crm C1"),
        (
            HEADER + "always,crm,C1,crmm,C2,\n",
            "line 2: there is no source system 'crmm', only crm ",
        ),
        (
            HEADER + "always,crm,C1,crm,C2,\nnever,crm,C3,crm,C4,\nnever,crm,C2,crm,C1,\n",
            "lines 2 and 4: crm C2 and crm C1 stand under always and under never",
        ),
    ],
)
def test_a_line_that_cannot_be_obeyed_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DecisionsError, match=said) as caught:
        read_decisions(path, SYSTEMS)
    assert str(caught.value).startswith(f"{path}, line"), "the path as it was set"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    with pytest.raises(DecisionsError, match=r"mine\.csv cannot be opened: No such file"):
        read_decisions(path, SYSTEMS)
    path.write_bytes(f"{HEADER}always,crm,C1,crm,C2,Zoë\n".encode("latin-1"))
    with pytest.raises(DecisionsError, match=r"mine\.csv is not written in UTF-8"):
        read_decisions(path, SYSTEMS)
