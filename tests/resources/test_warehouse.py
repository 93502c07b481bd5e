"""The warehouse connection: closed also on error, and clear about a file it cannot open."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from c360_dagster.resources.warehouse import Warehouse, WarehouseError


def _warehouse(folder: Path) -> Warehouse:
    return Warehouse(path=str(folder / "w.duckdb"), scratch=str(folder / "scratch"))


def test_the_file_is_free_again_after_an_error(tmp_path: Path) -> None:
    warehouse = _warehouse(tmp_path)
    with pytest.raises(duckdb.Error), warehouse.connect() as con:
        con.execute("create table t as select 1 as n; select nonsense")
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as con:
        assert con.execute("from t").fetchall() == [(1,)]


def test_a_file_that_is_no_database_says_how_to_rebuild(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_bytes(b"not a database" * 1000)
    with (
        pytest.raises(WarehouseError, match="make refresh"),
        _warehouse(tmp_path).connect(),
    ):
        pytest.fail("it opened")


def test_a_file_that_another_program_holds_names_it(tmp_path: Path) -> None:
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "w.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with (
            pytest.raises(WarehouseError, match=f"another program.*{other.pid}"),
            _warehouse(tmp_path).connect(),
        ):
            pytest.fail("both opened it")
        other.communicate("done\n")
