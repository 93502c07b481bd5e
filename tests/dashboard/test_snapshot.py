"""The snapshot is only read, may be replaced meanwhile, and is masked; problems are explained."""

import re
import socket
import sys
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from c360_dagster.ports import refuse_taken
from c360_dagster.settings import REPOSITORY, SettingsError
from c360_dashboard import __main__, warming
from c360_dashboard.filters import Filters, read_period
from c360_dashboard.privacy import BY_FIELD, MASK, PERSONAL, mask
from c360_dashboard.queries import customer, health, value
from c360_dashboard.snapshot import (
    Reader,
    Snapshot,
    SnapshotError,
    ask,
    find_snapshot,
    read_publication,
)
from tests.dashboard.small_snapshot import gold_models, rows, write_snapshot


def test_a_missing_snapshot_is_a_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"Nothing is published yet.*make run"):
        find_snapshot(tmp_path, shows_personal_data=False)


def test_a_file_that_is_no_database_is_a_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "c360.duckdb").write_text("not a database, though long enough to be one" * 99)
    snapshot = find_snapshot(tmp_path, shows_personal_data=False)
    with pytest.raises(SnapshotError, match="cannot be read as a snapshot"):
        read_publication(snapshot)


def test_a_file_that_is_somebody_elses_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice for a damaged file (publish again) does not help whoever may not even read it."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SnapshotError, match=r"Only the owner of.*give you a copy"):
        find_snapshot(tmp_path, shows_personal_data=False)


@pytest.mark.parametrize("held", ["", "create table gold.publication (as_of_date date)"])
def test_a_snapshot_of_another_version_is_a_plain_sentence(tmp_path: Path, held: str) -> None:
    """Such a snapshot may lack a table or a column."""
    with duckdb.connect(str(tmp_path / "c360.duckdb")) as con:
        con.execute(f"create schema gold; {held}")
    with pytest.raises(SnapshotError, match="another version made it"):
        read_publication(find_snapshot(tmp_path, shows_personal_data=False))


def test_the_first_day_of_a_snapshot_without_orders_is_its_as_of_day(tmp_path: Path) -> None:
    write_snapshot(tmp_path, {"publication": rows()["publication"]})
    found = read_publication(find_snapshot(tmp_path, shows_personal_data=False))
    assert (found.as_of, found.first_order) == (date(2026, 6, 30), date(2026, 6, 30))


def test_a_snapshot_is_only_read(snapshot: Snapshot) -> None:
    with snapshot.open() as reader, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        reader.frame("delete from publication")


def test_a_newer_snapshot_is_read_while_an_older_one_is_still_open(tmp_path: Path) -> None:
    write_snapshot(tmp_path, rows())
    before = find_snapshot(tmp_path, shows_personal_data=False)
    with before.open() as reader:
        assert ask(before, read_run) == "run-one"
        newer = rows()
        newer["publication"][0] |= {"run_id": "run-two", "published_at": datetime(2026, 7, 2)}
        write_snapshot(tmp_path, newer)
        after = find_snapshot(tmp_path, shows_personal_data=False)
        assert after != before
        assert ask(after, read_run) == "run-two"
        assert read_run(reader) == "run-one"


def read_run(reader: Reader) -> str:
    return str(reader.row("select run_id from publication")["run_id"])


def test_the_same_question_is_worked_out_once(snapshot: Snapshot) -> None:
    asked = []

    def count(reader: Reader) -> int:
        asked.append(reader)
        return len(asked)

    assert [ask(snapshot, count), ask(snapshot, count)] == [1, 1]


def test_a_port_that_is_taken_is_one_sentence_and_a_mistyped_setting_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127.0.0.1:{port} cannot be opened \(Address"):
            refuse_taken(__main__.ADDRESS, port, "make dashboard")
    refuse_taken(__main__.ADDRESS, port, "make dashboard")
    monkeypatch.setattr(sys, "argv", ["c360_dashboard", "--port", str(port)])
    monkeypatch.setenv("C360_HOME", str(tmp_path))
    monkeypatch.setenv("C360_SHOW_PI", "1")
    monkeypatch.setattr(__main__, "streamlit", list)
    monkeypatch.setattr(warming, "start", bool)
    monkeypatch.chdir(tmp_path)
    __main__.main()
    assert capsys.readouterr().err == (
        "C360_SHOW_PI is not a setting and does nothing: C360_SHOW_PII is one.\n"
    )


def test_the_dashboard_takes_settings_words_and_ports_of_the_pipeline_alone() -> None:
    """Whatever it knows about customers, it reads from the snapshot, as any program could."""
    taken = {
        ".".join(filter(None, module))
        for path in (REPOSITORY / "c360_dashboard").rglob("*.py")
        for module in re.findall(
            r"^\s*(?:from|import) (c360_dagster[\w.]*)(?: import (words)\b)?",
            path.read_text(),
            re.MULTILINE,
        )
    }
    assert taken == {f"c360_dagster.{name}" for name in ("ports", "settings", "words")}


# What is personal ----------------------------------------------------------------------------


def test_every_personal_column_of_gold_is_known_as_personal() -> None:
    personal = {
        name
        for columns in gold_models().values()
        for name, column in columns.items()
        if (column.get("config") or {}).get("meta", {}).get("pii")
        or (column.get("meta") or {}).get("pii")
    }
    assert personal <= PERSONAL | set(BY_FIELD)
    assert {"email", "phone", "first_name"} <= personal


def test_a_masked_cell_tells_nothing_and_an_empty_one_stays_empty() -> None:
    frame = pl.DataFrame({"email": ["a@example.com", None], "state": ["CA", "NY"]})
    assert mask(frame).rows() == [(MASK, "CA"), (None, "NY")]


def test_a_value_is_masked_where_its_field_is_personal() -> None:
    frame = pl.DataFrame({"field": ["email", "state"], "value": ["a@example.com", "CA"]})
    assert mask(frame)["value"].to_list() == [MASK, "CA"]


def test_nothing_personal_leaves_a_masking_reader(masking: Reader) -> None:
    filters = Filters(read_period("26w", date(2026, 6, 30), date(2025, 1, 2)))
    answers = [
        customer.search(masking, "ana"),
        customer.search(masking, "old.ana@example.com"),
        customer.load(masking, "C1"),
        customer.load(masking, "C2"),
        value.load(masking, filters),
        health.load(masking),
    ]
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=500, tbl_width_chars=2000):
        said = "\n".join(map(str, answers))
    personal = ("Ana", "Bérg", "ana.berg", "old.ana", "15550101", "First Street", "1980", "script")
    assert [word for word in (*personal, "Aville", "90101", "Cole") if word in said] == []
    assert customer.search(masking, "ana")["customer_id"].to_list() == ["C1"]
