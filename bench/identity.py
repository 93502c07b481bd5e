"""Measures resolving records into people, first all, then one day's, against the known truth."""

import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import mock_data
from bench.measure import measure
from bench.register import draw_register
from c360_dagster.identity import resolve
from c360_dagster.identity.quality import measure_pairs

KEY = ["source_system", "source_id"]
ONE_IN = 1000
"""In a day, one record in so many is new, one changes and one disappears."""


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] == "quality":
        print_quality(int(arguments[1]) if arguments[1:] else 5156)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(simulate, Path(folder), int(arguments[0]) if arguments else 1_000_000)
        measure(save, Path(folder))
        measured = measure(resolve_twice, Path(folder))
    found: dict[str, Any] = dict(measured.result)
    sys.stdout.write(
        f"{found['records']:,} records, {found['people']:,} people: {found['seconds']:.1f} s "
        f"({found['cpu']:.1f} CPU s), {found['comparisons']:,} comparisons, "
        f"peak memory {found['peak']:,.0f} MB ({found['before']:,.0f} MB before it began, "
        f"{measured.megabytes:,.0f} MB in the whole process); "
        f"one day {found['day']:.1f} s ({found['day_cpu']:.1f} CPU s), "
        f"ratio {found['day'] / found['seconds']:.3f}; "
        f"precision of pairs {found['precision']:.4f}, recall {found['recall']:.4f}\n"
    )


def simulate(home: Path, records: int) -> None:
    mock_data.generate(
        home,
        customers=max(1, round(records * 0.924)),
        seed=7,
        start=date(2025, 1, 1),
        end=date(2025, 4, 30),
    )


def print_quality(people: int) -> None:
    """Prints how often the project's rules are right on an invented, dirty register of the dead."""
    register = draw_register(people)
    found = resolve(register.drop("person_id"))
    pairs = measure_pairs(found.identities, register)
    sys.stdout.write(
        f"A dirty register of {register.height:,} records of {people:,} people: "
        f"precision {pairs.precision:.4f}, recall {pairs.recall:.4f}, F1 {pairs.f1:.4f}\n"
    )


def save(home: Path) -> None:
    """Saves records and truth as parquet, so that reading the simulator's files is not measured."""
    records, truth = read_records(home)
    records.sort(KEY).write_parquet(home / "records.parquet")
    truth.write_parquet(home / "truth.parquet")


def resolve_twice(home: Path) -> dict[str, Any]:
    records, truth = (pl.read_parquet(home / f"{name}.parquet") for name in ("records", "truth"))
    before = _read_peak()
    began, cpu = time.perf_counter(), time.process_time()
    first = resolve(records)
    peak = _read_peak()
    rows = first.golden.height + first.provenance.height
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    changed, memory, report = _change_some_records(records), first.memory, first.report
    pairs = measure_pairs(first.identities, truth)
    del first
    began, cpu = time.perf_counter(), time.process_time()
    day = resolve(changed, memory)
    rows += day.changes.golden.height + day.changes.provenance.height
    return {
        **report,
        "rows": rows,
        "before": before,
        "peak": peak,
        "seconds": seconds,
        "cpu": used,
        "day": time.perf_counter() - began,
        "day_cpu": time.process_time() - cpu,
        "precision": pairs.precision,
        "recall": pairs.recall,
    }


def _read_peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_records(home: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns both systems' people, as in their files but without broken lines, and the truth."""
    truth = pl.read_csv(home / "truth" / "identities.csv", infer_schema=False)
    (shop,) = (home / "landing" / "workbooks").glob("Customer_master.*")
    read = (
        pl.read_csv(shop, infer_schema=False)
        if shop.suffix == ".csv"
        else pl.read_excel(shop, infer_schema_length=0)
    )
    name = pl.col("name").str.strip_chars()
    workbooks = read.select(
        pl.lit("workbooks").alias("source_system"),
        pl.col("customer_id").alias("source_id"),
        name.str.extract(r"^(\S+)").alias("first_name"),
        name.str.extract(r"\s(.*)$").alias("last_name"),
        "email",
        "phone",
        pl.col("location").str.head(-3).alias("city"),
        pl.col("location").str.tail(2).alias("state"),
        pl.col("signup_date").alias("registered_at"),
    )
    crm = _read_lines(home / "landing" / "customer" / "customers.csv").rename(
        {"customer_id": "source_id", "registration_date": "registered_at"}
    )
    both = pl.concat([crm.with_columns(source_system=pl.lit("crm")), workbooks], how="diagonal")
    records = both.unique(KEY, keep="first", maintain_order=True).join(truth, on=KEY, how="semi")
    return records, truth


def _read_lines(path: Path) -> pl.DataFrame:
    """Reads the lines with as many cells as the header and no quotes.

    In the customers' file, the simulator writes quotes only into lines that it breaks.
    """
    header = path.open(encoding="utf-8").readline()
    names = header.strip().split(",")
    lines = pl.read_csv(
        path,
        has_header=False,
        skip_rows=1,
        separator="\x01",
        quote_char=None,
        new_columns=["line"],
        infer_schema=False,
    )
    cells = pl.col("line").str.split(",")
    good = lines.filter((cells.list.len() == len(names)) & ~pl.col("line").str.contains('"'))
    return good.select(
        cells.list.get(place).replace("", None).alias(name) for place, name in enumerate(names)
    )


def _change_some_records(records: pl.DataFrame) -> pl.DataFrame:
    """Changes the e-mail address of one record in a thousand, adds as many and removes as many."""
    turn = pl.int_range(pl.len()) % ONE_IN
    moved = pl.when(turn == 1).then(pl.lit("x") + pl.col("email")).otherwise("email").alias("email")
    new = records.filter(turn == 2).with_columns(
        (pl.lit("N") + pl.col("source_id")).alias("source_id")
    )
    return pl.concat([records.filter(turn != 3).with_columns(moved), new]).sort(KEY)
