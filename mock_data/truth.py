"""Writes the truth: who is who, people's hidden traits and future orders, and the planted defects.

It goes to truth/, beside the landing folder and never in it.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from mock_data.batch import FUTURE_DAYS, Batch
from mock_data.behaviour import COMPLETED, plan_campaigns
from mock_data.defects import Tally
from mock_data.systems.marketing import CHANNELS, campaign_ids
from mock_data.systems.sales import product_ids
from mock_data.systems.workbooks import shop_ids
from mock_data.text import days, ids, money, whole, words
from mock_data.world import NEVER, PERSONAS, World

TABLES = ("identities", "people", "future")


def make_truth(batch: Batch) -> dict[str, pl.DataFrame]:
    """Returns a batch's rows of identities, people and future."""
    return {"identities": _identities(batch), "people": _people(batch), "future": _future(batch)}


def _identities(batch: Batch) -> pl.DataFrame:
    people = batch.people
    again = people.registered_again <= batch.end
    shop = people.in_workbooks & (people.signed_up <= batch.end)
    twice = people.crm_id(np.ones(len(people), dtype=bool))
    system = np.repeat([0, 0, 1], [people.in_crm.sum(), again.sum(), shop.sum()])
    first = ids("C", people.crm_id()[people.in_crm])
    return pl.DataFrame({
        "source_system": words(("crm", "workbooks"), system),
        "source_id": pl.concat([first, ids("C", twice[again]), shop_ids(people.workbook_id[shop])]),
        "person_id": np.concatenate(
            [people.index[people.in_crm], people.index[again], people.index[shop]]),
    })  # fmt: skip


def _people(batch: Batch) -> pl.DataFrame:
    people, start = batch.people, batch.world.start
    forever = (people.rate == 0) | (people.leaves > 20_000)
    return pl.DataFrame({
        "person_id": people.index,
        "persona": words([p.name for p in PERSONAS], people.persona),
        "orders_per_day": pl.Series(people.rate).round(6).cast(pl.String),
        "never_buys": words(("false", "true"), people.never_buys),
        "buys_once": words(("false", "true"), people.buys_once),
        "registered_on": days(start, people.registered),
        "leaves_on": days(start, people.leaves, forever),
        "discount_share": money((people.discount * 100).astype(np.int64)),
        "favourite_channel": people.channel_order[:, 0],
        "favourite_category": people.favourites[:, 0],
        "household_id": people.household,
        "in_crm": words(("false", "true"), people.in_crm),
        "in_workbooks": words(("false", "true"), people.signed_up <= batch.end),
    })  # fmt: skip


def _future(batch: Batch) -> pl.DataFrame:
    """Returns completed orders of the year after the end; spend is before tax, after discount."""
    people, orders, world = batch.people, batch.orders, batch.world
    counted = (orders.day > batch.end) & (orders.day <= batch.end + FUTURE_DAYS)
    counted &= (orders.fate == COMPLETED) & ~orders.is_return
    person, size = orders.person[counted], len(people)
    first = np.full(size, NEVER)
    np.minimum.at(first, person, orders.day[counted])
    amounts = (orders.subtotal - orders.discount)[counted]
    spend = np.bincount(person, weights=amounts, minlength=size)
    as_of = (world.start + timedelta(days=batch.end)).isoformat()
    return pl.DataFrame({
        "as_of": pl.repeat(as_of, size, eager=True),
        "person_id": whole(people.index),
        "orders": np.bincount(person, minlength=size),
        "spend": spend / 100.0,
        "first_order_date": days(world.start, first, first == NEVER),
    })  # fmt: skip


class TruthFiles:
    """The truth files of one call, which replace the earlier ones together when it finishes."""

    def __init__(self, folder: Path, end: date) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.files = {name: (folder / f".{name}.csv.partial").open("wb") for name in TABLES}
        self.files["future"].writelines(_keep_earlier(folder / "future.csv", end))
        self._is_begun = {"future": self.files["future"].tell() > 0}

    def append(self, name: str, frame: pl.DataFrame) -> None:
        buffer = BytesIO()
        frame.write_csv(buffer, include_header=not self._is_begun.get(name), float_precision=2)
        self.files[name].write(buffer.getbuffer())
        self._is_begun[name] = True

    def finish(self, world: World, end: int, tally: Tally) -> None:
        for name, file in self.files.items():
            file.close()
            (self.folder / f".{name}.csv.partial").replace(self.folder / f"{name}.csv")
        _campaigns(world, end).write_csv(self.folder / "campaigns.csv", float_precision=3)
        _products(world).write_csv(self.folder / "products.csv", float_precision=3)
        report = json.dumps(tally.report(), indent=1) + "\n"
        (self.folder / "defects.json").write_text(report, "utf-8")


def _keep_earlier(path: Path, end: date) -> Iterator[bytes]:
    """Yields the header and the rows of other end dates, to judge earlier forecasts too."""
    if path.is_file():
        with path.open("rb") as file:
            yield from (row for row in file if not row.startswith(end.isoformat().encode()))


def earlier_tally(folder: Path, after: date) -> Tally:
    """Returns what finished calls planted; interrupted attempts are not counted."""
    tally = Tally()
    path = folder / "defects.json"
    if path.is_file():
        for defect, planted in json.loads(path.read_text("utf-8")).items():
            for file, count in planted["files"].items():
                dated = re.search(r"_(\d{4}-\d\d-\d\d)$", file)
                if dated is None or dated[1] <= after.isoformat():
                    tally.add(defect, file, count)
    return tally


def _campaigns(world: World, end: int) -> pl.DataFrame:
    planned = plan_campaigns(world, end)
    number = np.array([c.number for c in planned], dtype=np.int64)
    return pl.DataFrame({
        "campaign_id": campaign_ids(number),
        "channel": words(CHANNELS, np.array([c.channel for c in planned], dtype=np.int64)),
        "start_date": days(world.start, np.array([c.start for c in planned], dtype=np.int64)),
        "end_date": days(world.start, np.array([c.end for c in planned], dtype=np.int64)),
        "lift": np.array([c.lift for c in planned], dtype=float),
    })  # fmt: skip


def _products(world: World) -> pl.DataFrame:
    catalogue = world.catalogue
    product = np.arange(len(catalogue.price))
    partner = catalogue.complement
    return pl.DataFrame({
        "product_id": product_ids(product),
        "quality": catalogue.quality,
        "bought_with": words(["", *product_ids(product)], partner + 1),
    })  # fmt: skip
