"""Measures loading a large file, against a bare `read_csv` into a table with the same types."""

import shutil
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import duckdb

from bench.measure import Measured, measure
from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import LoadRun
from c360_dagster.loading.schema import create_bronze
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.sql import literal, quote
from landing_contract import read_contract

TABLE = read_contract()["transaction_items"]


def main(arguments: list[str]) -> None:
    lines = int(arguments[0]) if arguments else 10_000_000
    rounds = int(arguments[1]) if len(arguments) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        for share in (0, 10):
            path = _write_lines(Path(folder), lines, share)
            pairs = [
                (
                    measure(load, path, folder),
                    measure(read_bare, path, folder, ignore_errors=bool(share)),
                )
                for _ in range(rounds)
            ]
            _report(f"{lines:,} lines, {share} % of them bad", pairs)


def load(path: Path, folder: str) -> object:
    """Loads the file as the pipeline does: checksum, survey, read, account, write."""
    home = Path(tempfile.mkdtemp(dir=folder))
    warehouse = Warehouse(path=str(home / "warehouse.duckdb"), scratch=str(home / "scratch"))
    run = LoadRun("bench", lambda: datetime(2026, 1, 1), home / "scratch")
    with warehouse.connect() as con:
        create_bronze(con, [TABLE])
        (file,) = load_table(con, path.parent.parent, TABLE, run).files
    shutil.rmtree(home)
    return file.rows_loaded, file.rows_rejected


def read_bare(path: Path, folder: str, *, ignore_errors: bool) -> object:
    """Loads the file by one statement with the same types and without any checks."""
    home = Path(tempfile.mkdtemp(dir=folder))
    types = ", ".join(f"{literal(c.name)}: {literal(c.type)}" for c in TABLE.columns)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute("set enable_progress_bar = false")
        con.execute(
            f"create table {quote(TABLE.name)} as from read_csv({literal(str(path))}, "
            f"columns = {{{types}}}, header = true, auto_detect = false, "
            f"ignore_errors = {str(ignore_errors).lower()})"
        )
        rows = con.execute(f"select count(*) from {quote(TABLE.name)}").fetchall()
    shutil.rmtree(home)
    return rows


def _write_lines(folder: Path, lines: int, share: int) -> Path:
    path = folder / f"landing_{share}" / "sales" / "transaction_items.csv"
    path.parent.mkdir(parents=True)
    bad = f"when i % 100 < {share} then" if share else "when false then"
    duckdb.connect().execute(
        f"""
        copy (
            select
                'I' || lpad(i::varchar, 9, '0') as item_id,
                'T' || lpad((i // 3)::varchar, 9, '0') as transaction_id,
                'P' || lpad((hash(i) % 240)::varchar, 4, '0') as product_id,
                case {bad} 'many' else (1 + hash(i) % 4)::varchar end as quantity,
                ((hash(i + 1) % 10000) / 100)::decimal(10, 2) as unit_price,
                ((hash(i + 1) % 30000) / 100)::decimal(10, 2) as line_total,
                ((hash(i + 2) % 300) / 100)::decimal(10, 2) as discount_applied
            from range({lines}) as numbers(i)
        ) to {literal(str(path))} (header)
        """
    )
    return path


def _report(title: str, pairs: list[tuple[Measured[object], Measured[object]]]) -> None:
    ours = statistics.median(pair[0].seconds for pair in pairs)
    bare = statistics.median(pair[1].seconds for pair in pairs)
    ratio = statistics.median(pair[0].seconds / pair[1].seconds for pair in pairs)
    cpu_ratio = statistics.median(pair[0].cpu_seconds / pair[1].cpu_seconds for pair in pairs)
    memory = max(pair[0].megabytes for pair in pairs)
    sys.stdout.write(
        f"{title}: {ours:.2f} s against {bare:.2f} s bare, ratio {ratio:.2f} "
        f"({cpu_ratio:.2f} of CPU time), peak memory {memory:,.0f} MB; "
        f"rows loaded and rejected: {pairs[0][0].result}\n"
    )
