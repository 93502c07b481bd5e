"""Generates the simulated files batch by batch and writes them: the only entry point.

Two threads make batches and the calling thread writes them in order, so the bytes of the files do
not depend on which thread is faster.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from landing_contract import Table, read_contract
from mock_data.batch import Rows, make_batch
from mock_data.defects import MALFORMED, REPEATED, Tally, break_lines, pick_rows
from mock_data.draws import Ints
from mock_data.landing import Landing, Plan, Result
from mock_data.systems.channels import build_arrivals, count_orders
from mock_data.systems.customer import build_customer_tables
from mock_data.systems.logistic import build_locations, build_logistic_tables
from mock_data.systems.marketing import build_campaigns, build_marketing_tables
from mock_data.systems.products import (
    build_inventory,
    build_product_families,
    build_product_suppliers,
    build_products,
    build_suppliers,
    count_units,
)
from mock_data.systems.sales import build_regional_sales, build_sales_tables, sum_regions
from mock_data.systems.workbooks import ROWS_IN_A_WORKBOOK, build_workbook_tables
from mock_data.truth import TruthFiles, earlier_tally, make_truth
from mock_data.workbook import write_workbook
from mock_data.world import NEVER, World

EDITION = 3
"""Raised by hand whenever simulated people behave differently, because days of two editions do not
fit together."""
FEWEST, MOST = 1_000, 10_000
"""The smallest and the largest number of people in a batch."""
THREADS, IN_FLIGHT = 2, 3
NOT_SIMULATED = {"rates"}
Progress = Callable[[str], None]


class WorldError(ValueError):
    """Raised if a world cannot be simulated; the message says why."""


def generate(  # noqa: PLR0913  one named argument for each setting
    home: Path | str,
    *,
    customers: int,
    seed: int,
    start: date,
    end: date,
    defects: bool = True,
    progress: Progress | None = None,
    batch: int | None = None,
) -> Result:
    """Writes landing and truth up to a day; if earlier days are there, only the days after them."""
    home = Path(home)
    world_settings = {
        "edition": EDITION,
        "seed": seed,
        "customers": customers,
        "defects": defects,
        "start": start.isoformat(),
    }
    landing = Landing(home / "landing", world_settings)
    plan = landing.plan(end)
    if isinstance(plan, str):
        return Result(plan)
    _check_arguments(customers, start, end)
    world = World(seed, customers, start, defects)
    call = _Call(world, landing, plan, batch, progress or (lambda _: None))
    files = call.run()
    rows = sum(files.values())
    return Result(f"Simulated {rows:,} rows in {len(files)} files, up to {end}.", files)


def _check_arguments(customers: int, start: date, end: date) -> None:
    if not 1 <= customers <= 8_000_000:
        raise WorldError(f"customers must be between 1 and 8 000 000, not {customers}.")
    if end < start:
        raise WorldError(f"The last day ({end}) lies before the first ({start}).")
    if not date(1990, 1, 1) <= start or end >= date(2060, 1, 1):
        raise WorldError(f"The days must lie between 1990 and 2059, not {start} to {end}.")


@dataclass(frozen=True)
class _FinishedBatch:
    """A finished batch: text to append, rows for the workbooks, sums and truth."""

    text: dict[str, bytes]
    counts: dict[str, int]
    workbooks: dict[str, Rows]
    regions: Ints
    units: NDArray[np.int32]
    arrivals: Ints
    truth: dict[str, pl.DataFrame]
    tally: Tally


class _Call:
    """One call: its window of days, its open files and its running sums."""

    def __init__(
        self, world: World, landing: Landing, plan: Plan, size: int | None, progress: Progress
    ) -> None:
        self.world, self.landing, self.plan = world, landing, plan
        self.size, self.progress = size, progress
        truth = landing.root.parent / "truth"
        self.end = world.day_of(plan.end)
        self.after = -NEVER if plan.after is None else world.day_of(plan.after)
        self.suffix = "" if plan.after is None else f"_{plan.end}"
        self.truth = truth
        self.contract = {n: t for n, t in read_contract().items() if n not in NOT_SIMULATED}
        self.open: dict[str, BinaryIO] = {}
        self.rows: dict[str, int] = dict.fromkeys(self.contract, 0)
        self.sheets: dict[str, list[Rows]] = {
            n: [] for n, t in self.contract.items() if t.is_workbook
        }
        self.tally = earlier_tally(truth, plan.after) if plan.after else Tally()

    def run(self) -> dict[str, int]:
        possible = [self._name(t) for t in self.contract.values()]
        possible += [self._name(t, "csv") for t in self.contract.values() if t.is_workbook]
        self.landing.begin(self.plan.end, possible)
        truth_files = TruthFiles(self.truth, self.plan.end)
        sums: list[NDArray] = [np.zeros(0, dtype=np.int64)] * 3
        total = self.world.people_by(self.end)
        # Batches are small enough that every thread has work in a small world too.
        size = self.size or min(max(math.ceil(total / THREADS), FEWEST), MOST)
        for number, finished in enumerate(self._make_batches(total, size)):
            added: list[NDArray] = [finished.regions, finished.units, finished.arrivals]
            sums = added if number == 0 else [a + b for a, b in zip(sums, added, strict=True)]
            self._append(finished)
            for name, frame in finished.truth.items():
                truth_files.append(name, frame)
            done = min((number + 1) * size, total)
            self.progress(
                f"Simulated {done:,} of {total:,} people: {sum(self.rows.values()):,} rows."
            )
        self._write_shared(*sums)
        files = self._close()
        truth_files.finish(self.world, self.end, self.tally)
        self.landing.finish(self.plan.end, files)
        return files

    def _name(self, table: Table, ending: str | None = None) -> str:
        ending = ending or ("xlsx" if table.is_workbook else "csv")
        return f"{table.folder}/{table.file_stem}{self.suffix}.{ending}"

    def _make_batches(self, total: int, size: int) -> Iterator[_FinishedBatch]:
        """Yields batches in order, while at most two are being made and one is waiting."""
        starts = iter(range(0, total, size))
        waiting: list[Future[_FinishedBatch]] = []
        with ThreadPoolExecutor(THREADS) as pool:
            for first in starts:
                waiting.append(pool.submit(self._make, range(first, min(first + size, total))))
                if len(waiting) == IN_FLIGHT:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()

    def _make(self, numbers: range) -> _FinishedBatch:
        batch = make_batch(self.world, numbers, self.after, self.end, self.suffix)
        text, counts = {}, {}
        builders = (
            build_customer_tables,
            build_sales_tables,
            build_logistic_tables,
            build_marketing_tables,
        )
        for build in builders:
            for name, (frame, keys) in build(batch).items():
                ordered = frame.select(self.contract[name].column_names)
                text[name], counts[name] = self._render(name, ordered, keys, batch.tally)
        return _FinishedBatch(
            text=text,
            counts=counts,
            workbooks=build_workbook_tables(batch),
            regions=sum_regions(batch),
            units=count_units(batch),
            arrivals=count_orders(batch),
            truth=make_truth(batch),
            tally=batch.tally,
        )

    def _render(
        self, name: str, frame: pl.DataFrame, keys: Ints, tally: Tally
    ) -> tuple[bytes, int]:
        """Returns the rows as text, with planted repetitions and broken copies, and how many."""
        text = _as_csv(frame)
        rows = frame.height
        if not self.world.defects:
            return text, rows
        draws, file = self.world.draws, f"{name}{self.suffix}"
        if name in REPEATED:
            again = pick_rows(draws, "repeated_rows", name, keys)
            text += _as_csv(frame[again])
            rows += len(again)
            tally.add("repeated_rows", file, len(again))
        if name in MALFORMED:
            broken, count = break_lines(draws, name, frame, keys)
            text += broken.encode()
            rows += count
            tally.add("malformed_lines", file, count)
        return text, rows

    def _append(self, finished: _FinishedBatch) -> None:
        for name, text in finished.text.items():
            self._file(self.contract[name]).write(text)
            self.rows[name] += finished.counts[name]
        for name, rows in finished.workbooks.items():
            self.sheets[name].append(rows)
            self.rows[name] += rows[0].height
            if self.rows[name] > ROWS_IN_A_WORKBOOK:
                self._spill(name)
        self.tally.merge(finished.tally)

    def _spill(self, name: str) -> None:
        """Writes a table that has become too long for a workbook as text instead."""
        table = self.contract[name]
        for frame, _ in self.sheets[name]:
            self._file(table).write(_as_csv(frame.select(table.column_names)))
        self.sheets[name].clear()

    def _file(self, table: Table) -> BinaryIO:
        if table.name not in self.open:
            file = self.landing.temporary(self._name(table, "csv")).open("wb", buffering=1 << 20)
            file.write((",".join(table.column_names) + "\n").encode())
            self.open[table.name] = file
        return self.open[table.name]

    def _write_shared(self, regions: Ints, units: NDArray[np.int32], arrivals: Ints) -> None:
        """Writes the tables that belong to no person; later calls write only what is new."""
        world, after, end = self.world, self.after, self.end
        ledger, off = build_regional_sales(world, regions, after, end)
        self.tally.add("regional_sales_off", f"regional_sales{self.suffix}", int(off.sum()))
        shared = {
            "regional_sales": ledger,
            "inventory": build_inventory(world, units, after, end),
            "arrivals": build_arrivals(world, arrivals, after, end),
            "products": build_products(world, after, end),
            "campaigns": build_campaigns(world, after, end),
        }
        if after == -NEVER:
            shared |= {
                "suppliers": build_suppliers(world),
                "product_suppliers": build_product_suppliers(world),
                "warehouse_locations": build_locations(world),
                "product_families": build_product_families(),
            }
        for name, frame in shared.items():
            if frame.height or after == -NEVER:
                table = self.contract[name]
                self._file(table).write(_as_csv(frame.select(table.column_names)))
                self.rows[name] += frame.height

    def _close(self) -> dict[str, int]:
        """Closes the text files and writes the workbooks; returns the rows of each file."""
        written = {}
        for name, table in self.contract.items():
            if name in self.open:
                self.open[name].close()
                written[self._name(table, "csv")] = self.rows[name]
            elif table.is_workbook:
                rows = "1 row" if self.rows[name] == 1 else f"{self.rows[name]:,} rows"
                self.progress(f"Writing the workbook {table.file_stem} ({rows}).")
                mixed = write_workbook(
                    self.landing.temporary(self._name(table)), self.world, table, self.sheets[name]
                )
                self.tally.add("cells_of_mixed_types", f"{name}{self.suffix}", mixed)
                written[self._name(table)] = self.rows[name]
        return written


def _as_csv(frame: pl.DataFrame) -> bytes:
    """Returns lines without quotes, because addresses, which need them, already include them."""
    buffer = BytesIO()
    frame.write_csv(buffer, include_header=False, float_precision=2, quote_style="never")
    return buffer.getvalue()
