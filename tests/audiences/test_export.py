"""Exports say who entered and left, let no spreadsheet execute a cell, and are reproducible."""

import csv
import hashlib
import io
import json
import stat
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c360_dagster.audiences.export import Export, build_export, write_csv, write_files
from c360_dagster.delivery.exports import ExportError, ExportFolder
from tests.audiences.gold import audience, candidates, export

MONDAY, TUESDAY, WEDNESDAY = date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 3)


def changes(made: Export) -> dict[str, str]:
    return dict(made.members.select("customer_id", "change").iter_rows())


def test_an_export_lists_who_entered_and_left_since_the_last_one(tmp_path: Path) -> None:
    first = export(tmp_path, MONDAY, "ann bob cem")
    assert changes(first) == {"ann": "entered", "bob": "entered", "cem": "entered"}
    assert (first.left.height, first.previous) == (0, None)
    second = export(tmp_path, WEDNESDAY, "ann dan")
    assert changes(second) == {"ann": "stayed", "dan": "entered"}
    assert second.left["customer_id"].to_list() == ["bob", "cem"]
    assert second.say() == (
        "2 members, 0 of them held out. Since 2026-06-01, 1 entered and 2 left."
    )


def test_a_day_that_is_exported_again_is_compared_with_the_day_before_it(tmp_path: Path) -> None:
    export(tmp_path, MONDAY, "ann")
    export(tmp_path, WEDNESDAY, "ann bob")
    again = export(tmp_path, WEDNESDAY, "ann bob cem")
    assert changes(again) == {"ann": "stayed", "bob": "entered", "cem": "entered"}
    late = export(tmp_path, TUESDAY, "bob")
    assert changes(late) == {"bob": "entered"}
    assert late.say().startswith("1 member, 0 of them held out. Since 2026-06-01")
    assert late.left["customer_id"].to_list() == ["ann"]


def test_the_same_members_give_the_same_bytes(tmp_path: Path) -> None:
    export(tmp_path, MONDAY, "ann bob")
    export(tmp_path, TUESDAY, "bob cem")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    export(tmp_path, TUESDAY, "cem bob")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(before) == 8


def test_the_manifest_vouches_for_the_files(tmp_path: Path) -> None:
    export(tmp_path, MONDAY, "ann bob cem")
    found = candidates("ann dan", "dan", {"eve": "refused", "fay": "not asked"})
    place = ExportFolder(tmp_path)
    who = audience(holdout=0.5, description="Another.")
    place.write(
        TUESDAY, write_files(build_export(who, TUESDAY, found, place.find_previous(TUESDAY)))
    )
    manifest = json.loads((tmp_path / "2026-06-02.json").read_text())
    assert manifest["counts"] == {
        "condition_met": 4,
        "left_out_refused": 1,
        "left_out_not_asked": 1,
        "left_out_no_profiling": 0,
        "left_out_no_address": 0,
        "members": 2,
        "treatment": 1,
        "control": 1,
        "entered": 1,
        "left": 2,
    }
    assert manifest["compared_with"] == "2026-06-01"
    assert manifest["definition_changed"]
    assert manifest["definition"]["condition"] == "total_orders > 0"
    for name, told in manifest["files"].items():
        content = (tmp_path / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == tuple(told.values())
    assert set(manifest["files"]) | {"2026-06-02.json"} == {
        path.name for path in tmp_path.glob("2026-06-02*")
    }


def test_held_out_customers_have_no_address_in_any_file() -> None:
    found = candidates("ann bob", "bob", email="somebody@example.com")
    made = build_export(audience(holdout=0.5, contact=True), MONDAY, found, None)
    assert made.members.select("customer_id", "group", "email").rows() == [
        ("ann", "treatment", "somebody@example.com"),
        ("bob", "control", None),
    ]


def test_an_audience_may_be_empty(tmp_path: Path) -> None:
    made = export(tmp_path, MONDAY, "")
    assert made.say() == "Nobody is in it: nobody meets the condition."
    assert not made.is_as_expected
    assert (tmp_path / "2026-06-01.csv").read_text() == "customer_id,group,change\n"
    assert pl.read_parquet(tmp_path / "2026-06-01.parquet").height == 0
    assert changes(export(tmp_path, TUESDAY, "ann")) == {"ann": "entered"}
    refused = build_export(audience(), TUESDAY, candidates("", left_out={"eve": "refused"}), None)
    assert refused.say() == "Nobody is in it: 1 meets the condition (1 refused)."


def test_an_audience_that_turns_over_by_more_than_half_is_pointed_out(tmp_path: Path) -> None:
    assert export(tmp_path, MONDAY, "ann bob cem dan").is_as_expected
    assert export(tmp_path, TUESDAY, "bob cem dan eve").is_as_expected
    assert not export(tmp_path, WEDNESDAY, "bob cem dan fay gil").is_as_expected


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "exports" / "fans"
    export(folder, MONDAY, "ann")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_failure_leaves_the_days_files_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path, MONDAY, "ann")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fill_up(path: Path, content: bytes) -> None:
        path.write_bytes(content[:3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("c360_dagster.delivery.exports._write_privately", fill_up)
        with pytest.raises(OSError, match="No space"):
            export(tmp_path, MONDAY, "bob")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / ".2026-05-31.csv").write_text("what a killed run left")
    export(tmp_path, MONDAY, "ann")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["2026-06-01.json", "2026-06-01.parquet"])
def test_an_earlier_export_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    export(tmp_path, MONDAY, "ann")
    (tmp_path / name).write_bytes(b"{")
    with pytest.raises(
        ExportError, match=r"export of 2026-06-01 in .* cannot be read.*move .*\.json"
    ):
        export(tmp_path, TUESDAY, "ann")
    (tmp_path / "2026-06-01.json").unlink()
    assert export(tmp_path, TUESDAY, "ann").previous is None


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "＝1+1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_spreadsheet_is_given_nothing_to_execute(cell: str) -> None:
    found = candidates("ann", favourite_category=cell)
    made = build_export(audience(columns=("favourite_category",)), MONDAY, found, None)
    files = write_files(made)
    (_, row) = csv.reader(io.StringIO(files[".csv"].decode(), newline=""))
    assert row[3] == f"'{cell}"
    assert json.loads(files[".json"])["cells_disarmed"] == 1
    assert pl.read_parquet(files[".parquet"])["favourite_category"].to_list() == [cell]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_no_text_begins_as_a_formula_and_none_is_lost(cells: list[str]) -> None:
    written = write_csv(pl.DataFrame({"id": range(len(cells)), "text": cells})).decode()
    read = [row[1] for row in csv.reader(io.StringIO(written, newline=""))][1:]
    assert not [cell for cell in read if cell[:1] in set("=+-@\t\r\n＝＋－＠")]
    assert [cell if cell in cells else cell[1:] for cell in read] == cells


def test_numbers_stay_numbers() -> None:
    frame = pl.DataFrame({"amount": [-12.5, None], "day": [MONDAY, None], "is_it": [True, None]})
    assert write_csv(frame) == b"amount,day,is_it\n-12.5,2026-06-01,true\n,,\n"
