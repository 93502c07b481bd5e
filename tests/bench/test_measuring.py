"""What the figures rest on: watching processes and comparing tables."""

import os
import sys
from pathlib import Path

import duckdb
import pytest

from bench.__main__ import main
from bench.checksums import combine, find_differences, read_contents
from bench.measure import Sample, Watched, watch

HOLD = "import time; held = bytearray(150_000_000); time.sleep(0.4); print('done')"
START_ANOTHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"


def write(path: Path, *rows: str) -> Path:
    with duckdb.connect(str(path)) as con:
        con.execute("create schema gold")
        con.execute(
            "create table gold.sales (id integer, amount decimal(18, 2), note varchar, "
            f"_file varchar default '{path.name}')"  # where a row came from is not compared
        )
        con.execute("create table gold.publication as select now() as published_at")
        for row in rows:
            con.execute(f"insert into gold.sales (id, amount, note) values ({row})")
    return path


def test_a_changed_cell_changes_the_checksum_and_the_order_of_rows_does_not(
    tmp_path: Path,
) -> None:
    rows = ("1, 9.99, 'a'", "2, null, 'b'")
    expected = read_contents(write(tmp_path / "a.duckdb", *rows), "gold")
    turned = read_contents(write(tmp_path / "b.duckdb", *reversed(rows)), "gold")
    cent = read_contents(write(tmp_path / "c.duckdb", "1, 10.00, 'a'", rows[1]), "gold")
    zero = read_contents(write(tmp_path / "d.duckdb", rows[0], "2, 0, 'b'"), "gold")
    twice = read_contents(write(tmp_path / "e.duckdb", *rows, rows[0]), "gold")
    assert set(expected) == {"sales"}, "the publication says which run it was"
    assert expected == turned
    assert find_differences(expected, turned) == []
    assert combine(expected) == combine(turned)
    for changed in (cent, zero, twice):
        assert find_differences(expected, changed) == ["sales"]
        assert combine(expected) != combine(changed)
    assert find_differences(expected, {}) == ["sales"]


def test_the_same_row_twice_is_not_the_same_as_never(tmp_path: Path) -> None:
    none = read_contents(write(tmp_path / "a.duckdb"), "gold")
    two = read_contents(write(tmp_path / "b.duckdb", "1, 1, 'a'", "1, 1, 'a'"), "gold")
    assert none["sales"].checksum != two["sales"].checksum


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux shows of processes")
def test_memory_is_that_of_a_command_and_of_what_it_starts(tmp_path: Path) -> None:
    ran = watch([sys.executable, "-c", START_ANOTHER], environment=os.environ, folder=tmp_path)
    assert ran.output == "done\n"
    assert ran.megabytes > 150
    assert 0.4 < ran.seconds < 30
    whole = [(ran.began, ran.began + ran.seconds)]
    assert ran.peak_between(whole) == ran.megabytes
    assert ran.peak_between([(ran.began - 9, ran.began - 8)]) < ran.megabytes


def test_a_part_of_a_command_has_the_memory_and_the_processor_of_its_time() -> None:
    """A part without a sample in it takes the next one; after the last sample there is none."""
    samples = [Sample(1.0, 100.0, 1.0), Sample(2.0, 300.0, 3.0), Sample(4.0, 200.0, 6.0)]
    ran = Watched(began=0.0, seconds=5.0, cpu_seconds=6.0, output="", samples=samples)
    peaks = [ran.peak_between([span]) for span in ((1, 2), (0, 1), (2.5, 3), (4.5, 5))]
    assert peaks == [300, 100, 200, 0]
    assert ran.peak_between([(1, 2), (4, 5)]) == ran.megabytes == 300
    assert ran.cpu_between([(0.5, 1.5), (2, 4)]) == 1 + 3
    assert Watched(began=0.0, seconds=5.0, cpu_seconds=6.0, output="").megabytes == 0


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such customers"):
        watch(
            [sys.executable, "-c", "raise SystemExit('no such customers')"],
            environment=os.environ,
            folder=tmp_path,
        )


def test_an_unknown_benchmark_is_answered_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "rode"])
    assert main() == 1
    said = capsys.readouterr().err
    assert "There is no benchmark rode." in said
    assert "  road        the pipeline against the limit, the same work" in said
