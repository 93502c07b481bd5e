"""The landing folder: other people's files are not touched, and nothing half-made stays."""

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import mock_data
from mock_data import generation
from mock_data.landing import Landing, Plan

START, MARCH_31, JUNE_30 = date(2025, 1, 1), date(2025, 3, 31), date(2025, 6, 30)
APRIL_30, MAY_31, JULY_31 = date(2025, 4, 30), date(2025, 5, 31), date(2025, 7, 31)
MARK = "landing/.simulated.json"


def generate(home: Path, end: date = MARCH_31, **options: Any) -> mock_data.Result:  # noqa: ANN401
    asked: dict[str, Any] = {"customers": 60, "seed": 5, "start": START, "end": end} | options
    return mock_data.generate(home, **asked)


def contents(home: Path) -> dict[str, bytes]:
    return {p.as_posix(): p.read_bytes() for p in sorted(home.rglob("*")) if p.is_file()}


def test_the_mark_says_what_lies_there(tmp_path: Path) -> None:
    result = generate(tmp_path)
    mark = json.loads((tmp_path / MARK).read_text())
    assert (mark["state"], mark["seed"], mark["customers"]) == ("finished", 5, 60)
    assert (mark["start"], mark["end"], mark["defects"]) == ("2025-01-01", "2025-03-31", True)
    assert set(mark["files"]) == set(result.files)
    assert not list(tmp_path.rglob("*.partial"))
    lines = (tmp_path / "landing/channels/arrivals.csv").read_text().count("\n") - 1
    assert result.files["channels/arrivals.csv"] == lines


@pytest.mark.parametrize(
    "name",
    [
        *("sales/transactions.csv", "sales/transactions.CSV", "sales/transactions.csv.gz"),
        *("mine.parquet", "workbooks/a b.xlsx"),
    ],
)
def test_other_peoples_files_stay_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "landing" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    before = contents(tmp_path)
    for start in (START, date(1980, 1, 1)):  # own data may begin before any simulated day
        result = generate(tmp_path, start=start)
        assert result.rows == 0
        assert "not simulated" in result.message
    assert contents(tmp_path) == before


def test_a_name_that_is_not_utf_8_is_shown_in_a_printable_form(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / os.fsdecode(b"M\xe4rz.csv")).touch()
    assert "(M\N{REPLACEMENT CHARACTER}rz.csv)" in generate(tmp_path).message


def test_days_that_cannot_be_simulated_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(mock_data.WorldError, match="between 1990 and 2059, not 1980-01-01 to"):
        generate(tmp_path, start=date(1980, 1, 1))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "other", [{"seed": 6}, {"customers": 61}, {"defects": False}, {"start": date(2025, 1, 2)}]
)
def test_another_world_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    generate(tmp_path)
    before = contents(tmp_path)
    result = generate(tmp_path, JUNE_30, **other)
    assert next(iter(other)) in result.message
    assert result.message.endswith(".")
    assert contents(tmp_path) == before


def test_days_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    generate(tmp_path)
    before = contents(tmp_path)
    for end in (date(2025, 2, 1), MARCH_31):
        assert "already reach" in generate(tmp_path, end).message
    assert contents(tmp_path) == before


def test_later_days_lie_beside_the_first(tmp_path: Path) -> None:
    generate(tmp_path)
    before = contents(tmp_path / "landing")
    result = generate(tmp_path, JUNE_30)
    assert all("_2025-06-30." in name for name in result.files)
    after = contents(tmp_path / "landing")
    mark = (tmp_path / MARK).as_posix()
    assert {n: b for n, b in after.items() if n in before and n != mark} == {
        n: b for n, b in before.items() if n != mark
    }


@pytest.mark.parametrize("first", [True, False])
def test_an_interrupted_generation_is_done_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: bool,  # noqa: FBT001
) -> None:
    untouched, broken = tmp_path / "untouched", tmp_path / "broken"
    ends = [MARCH_31] if first else [MARCH_31, JUNE_30]
    for end in ends:
        generate(untouched, end)
    for end in ends[:-1]:
        generate(broken, end)
    moves = iter([True] * 5)
    replace = Path.replace

    def stop(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial") and "landing" in self.parts and next(moves, None) is None:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            generate(broken, ends[-1])
    assert json.loads((broken / MARK).read_text())["state"] == "unfinished"
    generate(broken, ends[0])  # even if less is asked for now, it goes as far as was begun
    assert [b for _, b in sorted(contents(broken).items())] == [
        b for _, b in sorted(contents(untouched).items())
    ]


def test_a_file_added_to_an_interrupted_simulation_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Landing, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            generate(tmp_path)
    mine = tmp_path / "landing/sales/transactions.csv"
    mine.write_text("mine")
    assert "no longer those" in generate(tmp_path).message
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["sales/transactions.csv", "workbooks/Transaction.csv"])
def test_a_file_that_appears_meanwhile_stays(tmp_path: Path, name: str) -> None:
    """One of the names is possible but not needed: a workbook is text only if it is too long."""
    mine = tmp_path / "landing" / name
    mine.parent.mkdir(parents=True)
    with pytest.raises(FileExistsError, match="appeared while it was being simulated"):
        generate(tmp_path, progress=lambda _: mine.write_text("mine"))
    assert mine.read_text() == "mine"
    assert generate(tmp_path).rows == 0
    assert mine.read_text() == "mine"


def test_a_replaced_or_added_file_ends_the_simulation(tmp_path: Path) -> None:
    generate(tmp_path)
    mine = tmp_path / "landing/customer/customers.csv"
    kept = mine.read_bytes()
    mine.write_text("customer_id\n1\n")
    assert generate(tmp_path, JUNE_30).rows == 0
    mine.write_bytes(kept)
    (tmp_path / "landing/sales/transactions_2025-06-30.csv").mkdir()
    assert "not simulated" in generate(tmp_path, JUNE_30).message


def test_the_days_of_two_editions_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path)
    monkeypatch.setattr(generation, "EDITION", generation.EDITION + 1)
    before = contents(tmp_path)
    assert "simulated by another version" in generate(tmp_path, JUNE_30).message
    assert contents(tmp_path) == before


@pytest.mark.parametrize("mark", ["{", "[]", '{"files": {}}'])
def test_nothing_is_simulated_if_the_mark_is_unreadable(tmp_path: Path, mark: str) -> None:
    generate(tmp_path)
    (tmp_path / "landing/.simulated.json").write_text(mark)
    before = contents(tmp_path)
    assert "landing/.simulated.json cannot be read" in generate(tmp_path, JUNE_30).message
    assert contents(tmp_path) == before


def test_an_emptied_landing_is_filled_again(tmp_path: Path) -> None:
    files = generate(tmp_path).files
    for name in files:
        (tmp_path / "landing" / name).unlink()
    assert generate(tmp_path).files == files


# The folder by itself, with files of a few bytes ---------------------------------------------


WORLD = {"seed": 5}
SALES, SHOP = "sales/transactions.csv", "workbooks/Transaction.csv"


def open_landing(home: Path) -> Landing:
    return Landing(home, WORLD)


def write(home: Path, end: date, possible: list[str], *written: str, stops: bool = False) -> None:
    """Makes a call that simulates up to a day, or is stopped before its files are in place."""
    landing = open_landing(home)
    assert isinstance(landing.plan(end), Plan)
    landing.begin(end, possible)
    for name in written:
        landing.temporary(name).write_text(f"{name} as of {end}")
    if not stops:
        landing.finish(end, written)


def read_refusal(home: Path, end: date) -> str:
    """Returns the sentence that says why nothing is simulated."""
    plan = open_landing(home).plan(end)
    assert isinstance(plan, str), plan
    return plan


def test_a_stopped_attempt_is_repeated_up_to_the_later_end(tmp_path: Path) -> None:
    write(tmp_path, MARCH_31, [SALES], SALES)
    write(tmp_path, MAY_31, ["sales/transactions_2025-05-31.csv"], stops=True)
    assert open_landing(tmp_path).plan(APRIL_30) == Plan(MARCH_31, MAY_31)
    assert open_landing(tmp_path).plan(JUNE_30) == Plan(MARCH_31, JUNE_30)


def test_a_file_of_a_stopped_attempt_is_removed_if_its_name_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that becomes too long for a workbook gets another name, and the old file must go.

    A second stop in between does not change this.
    """
    workbook = "workbooks/Transaction.xlsx"
    with monkeypatch.context() as patch:
        patch.setattr("mock_data.landing._write_json", stop_after(3))
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, MARCH_31, [SALES, workbook], SALES, workbook)
    assert (tmp_path / workbook).is_file()
    write(tmp_path, MARCH_31, [SALES, SHOP], stops=True)
    assert (tmp_path / workbook).is_file()
    write(tmp_path, MARCH_31, [SALES, SHOP], SALES, SHOP)
    lying = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*")}
    assert lying == {SALES, SHOP}


def stop_after(times: int) -> Callable[[Path, object], None]:
    """Returns a stand-in for writing marks, which stops the process at the given write."""
    left = iter(range(times - 1))

    def write_json(path: Path, content: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    return write_json


def test_a_simulation_whose_files_are_all_gone_is_forgotten(tmp_path: Path) -> None:
    later = "sales/transactions_2025-06-30.csv"
    write(tmp_path, MARCH_31, [SALES], SALES)
    write(tmp_path, JUNE_30, [later], later)
    for name in (SALES, later):
        (tmp_path / name).unlink()
    write(tmp_path, MARCH_31, [SALES], SALES)
    assert open_landing(tmp_path).plan(APRIL_30) == Plan(MARCH_31, APRIL_30)


@pytest.mark.parametrize("name", [SALES, "sales/transactions_2025-06-30.csv"])
def test_a_file_that_is_gone_ends_the_simulation(tmp_path: Path, name: str) -> None:
    """One missing file is enough: later rows would refer to rows that nobody has."""
    later = "sales/transactions_2025-06-30.csv"
    write(tmp_path, MARCH_31, [SALES], SALES)
    write(tmp_path, JUNE_30, [later], later)
    (tmp_path / name).unlink()
    assert f"no longer those that were simulated ({name})" in read_refusal(tmp_path, JULY_31)


@pytest.mark.parametrize("at", ["start", "middle", "end"])
def test_a_file_that_was_written_to_ends_the_simulation(tmp_path: Path, at: str) -> None:
    """A file is known by its size, its beginning and its end, which is not all of a large one."""
    landing = open_landing(tmp_path)
    landing.begin(MARCH_31, [SALES])
    content = bytearray(b"0" * 200_000)
    landing.temporary(SALES).write_bytes(content)
    landing.finish(MARCH_31, [SALES])
    content[{"start": 0, "middle": 100_000, "end": -1}[at]] = ord("1")
    if at == "middle":
        content += b"0"
    (tmp_path / SALES).write_bytes(content)
    assert "no longer those" in read_refusal(tmp_path, JUNE_30)


def test_a_folder_in_the_place_of_a_file_ends_the_simulation(tmp_path: Path) -> None:
    write(tmp_path, MARCH_31, [SALES], SALES)
    (tmp_path / SALES).unlink()
    (tmp_path / SALES).mkdir()
    assert "no longer those" in read_refusal(tmp_path, JUNE_30)
    landing = open_landing(tmp_path / "anew")
    landing.begin(MARCH_31, [SALES])
    landing.temporary(SALES).write_text("ours")
    (tmp_path / "anew" / SALES).mkdir()
    with pytest.raises(FileExistsError, match="appeared while it was being simulated"):
        landing.finish(MARCH_31, [SALES])


@pytest.mark.parametrize("hidden", ["sales/~$transactions.xlsx", "sales/._transactions.csv"])
def test_temporary_files_of_other_programs_do_not_count(tmp_path: Path, hidden: str) -> None:
    (tmp_path / "sales").mkdir()
    (tmp_path / hidden).write_text("Excel has it open, or a Mac was here")
    assert open_landing(tmp_path).plan(MARCH_31) == Plan(None, MARCH_31)


def test_up_to_three_names_are_listed_in_full(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").touch()
    assert read_refusal(tmp_path, MARCH_31).startswith(
        f"Nothing generated: {tmp_path} holds files that were not simulated (a.csv, b.csv, c.csv);"
    )
    (tmp_path / "d.csv").touch()
    assert "(a.csv, b.csv, c.csv and 1 more)" in read_refusal(tmp_path, MARCH_31)
