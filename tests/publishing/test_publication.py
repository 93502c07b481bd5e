"""The published files: all of gold, personal columns masked, replaced at once or not at all."""

import json
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from c360_dagster.building.marks import MADE_OF, write_marks
from c360_dagster.building.unpublished import drop_changes, note_changes
from c360_dagster.publishing import publication
from c360_dagster.publishing.publication import KnownTables, Published, PublishError, publish

KNOWN = KnownTables({"dim_customers": frozenset({"email", "born"}), "publication": frozenset()})


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema gold")
        yield connection


def fill(con: duckdb.DuckDBPyConnection, state: int) -> None:
    """Makes gold tables that all hold the same number."""
    con.execute(f"create or replace table gold.publication as select 'run{state}' as run_id")
    con.execute(
        "create or replace table gold.dim_customers as select 'c' || i as customer_id,"
        " case when i > 0 then 'a@example.com' end as email, date '1980-01-01' as born,"
        f" {state} as state from range(2000) t(i)"
    )


def test_everything_is_there_and_personal_columns_are_masked(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fill(con, 1)
    published = publish(con, tmp_path / "published", run="run1", known=KNOWN)
    assert published.rows == {"dim_customers": 2000, "publication": 1}
    with duckdb.connect(str(published.snapshot), read_only=True) as snapshot:
        query = "select count(*), count(email), min(email) from gold.dim_customers"
        assert snapshot.execute(query).fetchall() == [(2000, 1999, "a@example.com")]
    masked = pl.read_parquet(published.parquet / "dim_customers.parquet")
    assert masked.schema["born"] == pl.Date
    assert masked["born"].null_count() == 2000
    assert masked["email"].to_list()[:3] == [None, "***", "***"]
    assert masked["customer_id"].n_unique() == 2000


def test_equal_tables_give_equal_bytes_in_whatever_order_their_rows_are(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Neither an earlier day's rows nor the number of threads is seen in a parquet file."""
    known = KnownTables(
        {"keyed": frozenset({"email"}), "other": frozenset({"email"})}, {"keyed": "id, part"}
    )
    files = []
    for run, order in (("run1", "id, part"), ("run2", "hash(id, part)")):
        for name in ("keyed", "other"):
            con.execute(
                f"create or replace table gold.{name} as select i % 700 as id, i // 700 as part, "
                f"hash(i)::varchar as email, i from range(200000) t(i) order by {order}"
            )
        published = publish(con, tmp_path, run=run, known=known)
        files.append({path.name: path.read_bytes() for path in published.parquet.iterdir()})
    assert files[0] == files[1]
    first = pl.read_parquet(tmp_path / "parquet" / "keyed.parquet").head(3)
    assert first.select("id", "part").rows() == [(0, 0), (0, 1), (0, 2)]


def test_a_table_that_the_project_no_longer_has_is_not_published(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """If its model was deleted, nobody knows which of its columns are personal."""
    fill(con, 1)
    mark(con, dim_customers="the same")
    publish(con, tmp_path, run="run1", known=KNOWN)
    fewer = KnownTables({"publication": frozenset()})
    published = publish(con, tmp_path, run="run2", known=fewer)
    assert published.rows == {"publication": 1}
    assert [path.stem for path in published.parquet.iterdir()] == ["publication"]
    with duckdb.connect(str(published.snapshot), read_only=True) as snapshot:
        assert snapshot.execute("select table_name from duckdb_tables()").fetchall() == [
            ("publication",)
        ]


def test_the_files_are_for_their_owner_alone(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fill(con, 1)
    published = publish(con, tmp_path / "published", run="run1", known=KNOWN)
    for path in (published.snapshot, published.parquet / "dim_customers.parquet"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(published.snapshot.parent.stat().st_mode) == 0o700


def test_an_older_duckdb_can_read_it(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(con, 1)
    published = publish(con, tmp_path, run="run1", known=KNOWN)
    con.execute(f"attach '{published.snapshot}' as looked_at (read_only)")
    query = "select tags['storage_version'] from duckdb_databases() where database_name = ?"
    ((version,),) = con.execute(query, ["looked_at"]).fetchall()
    assert version.startswith("v1.5")


@pytest.mark.parametrize(
    "problem",
    [
        OSError(28, "No space left on device"),
        duckdb.IOException("Could not write file: No space left on device"),
        duckdb.TransactionException("Failed to commit: No space left on device"),
    ],
)
def test_a_failure_leaves_the_last_publication(
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: Exception,
) -> None:
    fill(con, 1)
    first = publish(con, tmp_path, run="run1", known=KNOWN)
    fill(con, 2)

    def no_space(*_: object) -> None:
        raise problem

    monkeypatch.setattr("c360_dagster.publishing.publication._write_parquet", no_space)
    with pytest.raises(PublishError, match=r"is as it was.*disk full"):
        publish(con, tmp_path, run="run2", known=KNOWN)
    with duckdb.connect(str(first.snapshot), read_only=True) as snapshot:
        assert snapshot.execute("from gold.publication").fetchall() == [("run1",)]
    assert pl.read_parquet(first.parquet / "publication.parquet")["run_id"].to_list() == ["run1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".generations",
        "c360.duckdb",
        "parquet",
    ]


def test_a_snapshot_that_cannot_be_replaced_leaves_the_parquet_files_of_the_last_one(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_replace = Path.replace

    def refuse_the_snapshot(path: Path, target: Path) -> Path:
        if target.name == "c360.duckdb":
            raise OSError(5, "Input/output error")
        return really_replace(path, target)

    fill(con, 1)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", refuse_the_snapshot)
        with pytest.raises(PublishError, match="is as it was"):
            publish(con, tmp_path, run="run1", known=KNOWN)
        assert [path.name for path in tmp_path.iterdir()] == [".generations"]
    fill(con, 2)
    publish(con, tmp_path, run="run2", known=KNOWN)
    fill(con, 3)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", refuse_the_snapshot)
        with pytest.raises(PublishError, match="is as it was"):
            publish(con, tmp_path, run="run3", known=KNOWN)
    assert pl.read_parquet(tmp_path / "parquet" / "publication.parquet").item() == "run2"
    assert [path.name for path in (tmp_path / ".generations").glob("run*")] == ["run2"]
    (tmp_path / ".parquet").symlink_to("what a killed run left")
    fill(con, 4)
    last = publish(con, tmp_path, run="run4", known=KNOWN)
    assert pl.read_parquet(last.parquet / "publication.parquet").item() == "run4"


@pytest.mark.parametrize(
    ("moment", "shown", "kept"),
    [
        ("_masked", "run1", ["run1"]),
        ("_write_snapshot", "run1", ["run1"]),
        ("start_again", "run1", ["run1"]),
        ("_point", "run2", ["run1", "run2"]),
        ("_put_in_place", "run2", ["run1", "run2"]),
    ],
)
def test_a_run_that_is_stopped_publishes_all_or_nothing(  # noqa: PLR0913, PLR0917
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    shown: str,
    kept: list[str],
) -> None:
    """Ctrl-C or a signal stops it. The snapshot and the Parquet files then show the same run.

    Nothing half-made is left.
    """
    really = getattr(publication, moment)

    def stop_after(*given: object) -> object:
        done = really(*given)
        signal.raise_signal(signal.SIGINT)
        return done

    fill(con, 1)
    publish(con, tmp_path, run="run1", known=KNOWN)
    fill(con, 2)
    # A shell that starts the tests in the background makes them ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as stopped:
        stopped.setattr(publication, moment, stop_after)
        # A query that is interrupted raises an error of its own.
        with pytest.raises((KeyboardInterrupt, RuntimeError)):
            publish(con, tmp_path, run="run2", known=KNOWN)
    signal.signal(signal.SIGINT, before)
    with duckdb.connect(str(tmp_path / "c360.duckdb"), read_only=True) as snapshot:
        assert snapshot.execute("from gold.publication").fetchall() == [(shown,)]
    assert pl.read_parquet(tmp_path / "parquet" / "publication.parquet").item() == shown
    assert list(tmp_path.glob(".*.duckdb*")) == []
    assert sorted(path.name for path in (tmp_path / ".generations").glob("run*")) == kept
    publish(con, tmp_path, run="run3", known=KNOWN)
    assert sorted(path.name for path in (tmp_path / ".generations").glob("run*")) == [shown, "run3"]


def test_a_run_that_is_tried_again_after_it_was_published_is_published_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Something else in the same step may have failed, because a share was gone for a moment."""
    fill(con, 1)
    mark(con, dim_customers="the same")
    for _ in range(3):
        last = publish(con, tmp_path, run="run1", known=KNOWN)
        assert pl.read_parquet(last.parquet / "dim_customers.parquet").height == 2000


def test_a_copy_that_followed_the_link_is_published_over(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Programs that copy like this are `scp -r` and many that synchronise folders."""
    fill(con, 1)
    publish(con, tmp_path / "here", run="run1", known=KNOWN)
    shutil.copytree(tmp_path / "here", tmp_path / "there", symlinks=False)
    fill(con, 2)
    there = publish(con, tmp_path / "there", run="run2", known=KNOWN)
    assert there.parquet.is_symlink()
    assert pl.read_parquet(there.parquet / "publication.parquet").item() == "run2"


def test_leftovers_of_a_killed_publication_are_removed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fill(con, 1)
    for name in (".dead.duckdb", ".dead.duckdb.wal"):
        (tmp_path / name).write_text("all of gold, as far as it was written")
    publish(con, tmp_path, run="run1", known=KNOWN)
    assert [path.name for path in tmp_path.glob(".dead*")] == []


def test_old_generations_go(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Their names do not matter. The one that is shown stays even if the clock was put back."""
    for state, run in enumerate("dacb"):
        fill(con, state)
        publish(con, tmp_path, run=run, known=KNOWN)
    kept = [path for path in (tmp_path / ".generations").iterdir() if path.is_dir()]
    assert sorted(path.name for path in kept) == ["b", "c"]
    for path in kept:
        os.utime(path, (1e10, 1e10))
    last = publish(con, tmp_path, run="e", known=KNOWN)
    assert pl.read_parquet(last.parquet / "publication.parquet").height == 1


def test_readers_never_see_an_error_or_a_half_state(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Twenty readers read all the time during five publications; each reader sees each of them."""
    fill(con, 0)
    first = publish(con, tmp_path, run="run0", known=KNOWN)
    seen: list[tuple[str, str]] = []
    problems: list[Exception] = []
    is_over = threading.Event()
    looks = [0] * 20

    def look(reader: int) -> None:
        while not is_over.is_set():
            try:
                folder = first.parquet.resolve()
                parquet = pl.read_parquet(folder / "publication.parquet").item()
                state = pl.read_parquet(folder / "dim_customers.parquet")["state"].unique()
                seen.append((parquet, f"run{state.item()}"))
                with duckdb.connect(str(first.snapshot.resolve()), read_only=True) as snapshot:
                    query = "select run_id, (select max(state) from gold.dim_customers) "
                    ((run, number),) = snapshot.execute(query + "from gold.publication").fetchall()
                seen.append((run, f"run{number}"))
            except (duckdb.Error, OSError, pl.exceptions.PolarsError, ValueError) as problem:
                problems.append(problem)
            looks[reader] += 1

    def let_all_look() -> None:
        """Waits until each reader has looked again; none may still read the one before last."""
        before = [*looks]
        while any(now == then for now, then in zip(looks, before, strict=True)):
            time.sleep(0.001)

    readers = [threading.Thread(target=look, args=[reader]) for reader in range(len(looks))]
    for reader in readers:
        reader.start()
    for state in range(1, 6):
        fill(con, state)
        publish(con, tmp_path, run=f"run{state}", known=KNOWN)
        let_all_look()
    is_over.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(seen) >= 20
    assert [pair for pair in seen if pair[0] != pair[1]] == []


def mark(con: duckdb.DuckDBPyConnection, **marks: str) -> None:
    for name, each in marks.items():
        con.execute(f"comment on table gold.{name} is '{MADE_OF}{each}'")


def read_states(published: Published) -> list[tuple[object, ...]]:
    with duckdb.connect(str(published.snapshot), read_only=True) as snapshot:
        query = "select distinct state, (from gold.publication) from gold.dim_customers"
        return snapshot.execute(query).fetchall()


def test_an_unchanged_table_is_taken_over(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    fill(con, 1)
    mark(con, dim_customers="the same")
    first = publish(con, tmp_path, run="run1", known=KNOWN)
    file = (first.parquet / "dim_customers.parquet").stat().st_ino
    fill(con, 2)
    mark(con, dim_customers="the same")
    second = publish(con, tmp_path, run="run2", known=KNOWN)
    assert second.rows == first.rows
    assert read_states(second) == [(1, "run2")], "taken over, and not read again"
    assert (second.parquet / "dim_customers.parquet").stat().st_ino == file
    assert pl.read_parquet(second.parquet / "publication.parquet").item() == "run2"
    mark(con, dim_customers="another")
    third = publish(con, tmp_path, run="run3", known=KNOWN)
    assert read_states(third) == [(2, "run2")]
    con.execute("drop table gold.dim_customers")
    fourth = publish(con, tmp_path, run="run4", known=KNOWN)
    assert fourth.rows == {"publication": 1}
    with duckdb.connect(str(fourth.snapshot), read_only=True) as snapshot:
        assert snapshot.execute("select count(*) from duckdb_tables()").fetchone() == (1,)


def test_a_rebuilt_table_with_the_same_mark_is_written_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """`make refresh ANEW=1` does so, for example after somebody changed rows of bronze by hand."""
    for state in (1, 2):
        fill(con, state)
        write_marks(con, {"gold.dim_customers": "the same"}, run=f"build {state}")
        published = publish(con, tmp_path, run=f"run{state}", known=KNOWN)
    assert read_states(published) == [(2, "run2")]


def test_nothing_is_taken_over_from_a_file_that_somebody_wrote_to(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fill(con, 1)
    mark(con, dim_customers="the same")
    first = publish(con, tmp_path, run="run1", known=KNOWN)
    with duckdb.connect(str(first.snapshot)) as snapshot:
        snapshot.execute("update gold.dim_customers set state = 7")
    assert read_states(publish(con, tmp_path, run="run2", known=KNOWN)) == [(1, "run1")]


@pytest.mark.parametrize("note", ["{", "{}", "[]"])
def test_nothing_is_taken_over_if_the_note_is_unreadable(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, note: str
) -> None:
    fill(con, 1)
    mark(con, dim_customers="the same")
    publish(con, tmp_path, run="run1", known=KNOWN)
    (tmp_path / ".generations" / "last.json").write_text(note)
    fill(con, 2)
    mark(con, dim_customers="the same")
    assert read_states(publish(con, tmp_path, run="run2", known=KNOWN)) == [(2, "run2")]


def test_a_damaged_parquet_file_is_not_taken_over(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    fill(con, 1)
    mark(con, dim_customers="the same")
    first = publish(con, tmp_path, run="run1", known=KNOWN)
    (first.parquet / "dim_customers.parquet").write_bytes(b"PAR1 half")
    second = publish(con, tmp_path, run="run2", known=KNOWN)
    assert pl.read_parquet(second.parquet / "dim_customers.parquet")["state"].n_unique() == 1


KEYED = KnownTables(
    {"fct_orders": frozenset(), "publication": frozenset(), "dim_customers": frozenset()},
    keys={"fct_orders": "order_id"},
)


def place_orders(con: duckdb.DuckDBPyConnection, amounts: dict[int, int]) -> None:
    """Replaces rows and notes their keys, as a build does that continues the last one."""
    con.execute("create schema if not exists changes")
    con.execute("create table if not exists gold.publication as select 'x' as run_id")
    con.execute("create table if not exists gold.fct_orders (order_id varchar, amount integer)")
    con.execute("create or replace table changes.fct_orders as from gold.fct_orders limit 0")
    for number, amount in amounts.items():
        con.execute("insert into changes.fct_orders values (?, null)", [f"o{number}"])
        con.execute("delete from gold.fct_orders where order_id = ?", [f"o{number}"])
        if amount:
            con.execute("insert into gold.fct_orders values (?, ?)", [f"o{number}", amount])
    con.execute("comment on table gold.fct_orders is 'continued'")


def finish(con: duckdb.DuckDBPyConnection) -> None:
    note_changes(con)
    con.execute("drop table changes.fct_orders")


def read_orders(published: Published) -> tuple[dict[str, int], dict[str, int]]:
    with duckdb.connect(str(published.snapshot), read_only=True) as snapshot:
        orders = dict(snapshot.execute("from gold.fct_orders").fetchall())
    frame = pl.read_parquet(published.parquet / "fct_orders.parquet")
    return orders, dict(frame.rows())


def test_only_changed_rows_of_a_continued_table_are_written(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    place_orders(con, dict.fromkeys(range(40), 10))
    publish(con, tmp_path, run="run1", known=KEYED)
    place_orders(con, {0: 11, 1: 0, 40: 10})
    finish(con)
    place_orders(con, {2: 12, 40: 13})  # this second build was stopped, or not published
    con.execute("update gold.fct_orders set amount = 99 where order_id = 'o7'")
    second = publish(con, tmp_path, run="run2", known=KEYED)
    expected = {f"o{number}": 10 for number in range(41)} | {"o0": 11, "o2": 12, "o40": 13}
    del expected["o1"]
    orders, in_parquet = read_orders(second)
    assert orders == expected, "the row that nobody told of was not read again"
    assert in_parquet == expected | {"o7": 99}
    assert second.rows["fct_orders"] == len(expected)
    finish(con)
    publish(con, tmp_path, run="run3", known=KEYED)
    place_orders(con, {7: 9})
    finish(con)
    assert read_orders(publish(con, tmp_path, run="run4", known=KEYED))[0]["o7"] == 9


@pytest.mark.parametrize(
    "doubt",
    [
        "built whole",
        "made by hand",
        "another publication",
        "most rows",
        "a larger table",
        "a file full of holes",
    ],
)
def test_a_continued_table_is_written_whole_after_any_doubt(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, doubt: str
) -> None:
    place_orders(con, dict.fromkeys(range(40), 10))
    if doubt == "a larger table":
        fill(con, 1)
    publish(con, tmp_path, run="run1", known=KEYED)
    place_orders(con, dict.fromkeys(range(30 if doubt == "most rows" else 1), 11))
    finish(con)
    con.execute("update gold.fct_orders set amount = 99 where order_id = 'o39'")
    if doubt == "built whole":
        drop_changes(con)
    elif doubt == "made by hand":
        con.execute("comment on table gold.fct_orders is null")
    elif doubt == "another publication":
        con.execute("update unpublished.publication_followed set name = 'run0'")
    elif doubt == "a file full of holes":
        note = tmp_path / ".generations" / "last.json"
        told = json.loads(note.read_text())
        note.write_text(json.dumps(told | {"bytes_written_whole": 1}))
    assert read_orders(publish(con, tmp_path, run="run2", known=KEYED))[0]["o39"] == 99
