"""Resolving records into people, all at once and a day's work, with the simulator's truth."""

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
from c360_dagster.identity import Resolution, resolve

KEY = ["source_system", "source_id"]
A_DAY = 1000
"""One record in so many is new or changed on a day."""


def main(arguments: list[str]) -> None:
    records = int(arguments[0]) if arguments else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        measure(simulate, Path(folder), records)
        told = measure(work, Path(folder))
    found: dict[str, Any] = dict(told.result)
    sys.stdout.write(
        f"{found['records']:,} records, {found['people']:,} people: {found['seconds']:.1f} s "
        f"({found['cpu']:.1f} s of CPU), {found['comparisons']:,} comparisons, "
        f"peak memory {told.megabytes:,.0f} MB ({found['before']:,.0f} MB before); "
        f"a day's work {found['day']:.1f} s ({found['day_cpu']:.1f} s of CPU), "
        f"ratio {found['day'] / found['seconds']:.3f}; "
        f"pairs' precision {found['precision']:.4f}, recall {found['recall']:.4f}\n"
    )


def simulate(home: Path, records: int) -> None:
    mock_data.generate(
        home,
        customers=max(1, round(records * 0.924)),
        seed=7,
        start=date(2025, 1, 1),
        end=date(2025, 4, 30),
    )


def work(home: Path) -> dict[str, Any]:
    records, truth = read_records(home)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, cpu = time.perf_counter(), time.process_time()
    first = resolve(records)
    rows = first.golden.height + first.provenance.height
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    changed, memory, report = _live_a_day(records), first.memory, first.report
    precision, recall = judge(first, truth)
    del first
    began, cpu = time.perf_counter(), time.process_time()
    day = resolve(changed, memory)
    rows += day.golden.height + day.provenance.height
    return {
        **report,
        "rows": rows,
        "before": before,
        "seconds": seconds,
        "cpu": used,
        "day": time.perf_counter() - began,
        "day_cpu": time.process_time() - cpu,
        "precision": precision,
        "recall": recall,
    }


def read_records(home: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both systems' people as their files have them, one row a key, broken lines left out."""
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
    """Lines with as many cells as the header, none of them quoted: the simulator quotes none."""
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


def _live_a_day(records: pl.DataFrame) -> pl.DataFrame:
    """Every so many-th record moves to another mailbox; as many are new, as many are gone."""
    turn = pl.int_range(pl.len()) % A_DAY
    moved = pl.when(turn == 1).then(pl.lit("x") + pl.col("email")).otherwise("email").alias("email")
    new = records.filter(turn == 2).with_columns(
        (pl.lit("N") + pl.col("source_id")).alias("source_id")
    )
    return pl.concat([records.filter(turn != 3).with_columns(moved), new]).sort(KEY)


def judge(found: Resolution, truth: pl.DataFrame) -> tuple[float, float]:
    """Precision and recall over the pairs that the clusters imply."""
    joined = found.identities.join(truth, on=KEY)
    right = _count_pairs(joined, "customer_id", "person_id")
    return (
        right / _count_pairs(joined, "customer_id"),
        right / _count_pairs(joined, "person_id"),
    )


def _count_pairs(frame: pl.DataFrame, *columns: str) -> int:
    sizes = frame.group_by(columns).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())
