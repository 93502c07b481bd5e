"""Which of a person's values becomes hers, and what it won against."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from c360_dagster.identity.records import KEY
from c360_dagster.identity.rules import Rules

ADDRESS = ("address_line1", "city", "state", "zip_code", "country")
_VALID = {"email": r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "phone": r"\d(?:\D*\d){6}"}
ONLY = "only value"


@dataclass(frozen=True)
class Survivors:
    golden: pl.DataFrame
    alone: pl.DataFrame
    """The records of people who have one only: each of their values survives."""
    decided: dict[str, pl.DataFrame]
    """Field by field, whose value won among several records, and against what."""

    @cached_property
    def provenance(self) -> pl.DataFrame:
        """Every value of every person with its source; many rows, so made only when asked for."""
        order = self.golden.select("customer_id").with_row_index("order")
        alone = self.alone.join(order, on="customer_id")
        told = []
        for name, won in sorted(self.decided.items()):
            single = _tell(alone, name, "order").with_columns(
                rule=pl.lit(ONLY), losing_values=pl.lit(None, pl.String)
            )
            both = pl.concat([single, won.join(order, on="customer_id").select(single.columns)])
            told.append(both.sort("order").drop("order"))
        return pl.concat(told)


def survive(records: pl.DataFrame, rules: Rules) -> Survivors:
    """`records`: the raw ones with customer_id, rank and registered."""
    helpers = {*KEY, "customer_id", "rank", "registered"}
    attributes = [name for name in records.columns if name not in helpers]
    clean = records.with_columns(
        *(pl.col(name).str.strip_chars().replace("", None)
          for name in attributes if records.schema[name] == pl.String),
        pl.len().over("customer_id").alias("source_records"),
    )  # fmt: skip
    alone = clean.filter(pl.col("source_records") == 1)
    shared = _order(clean.filter(pl.col("source_records") > 1), rules)
    people = shared.select("customer_id", "source_records").unique()
    home = _pick_home(shared, rules, [name for name in ADDRESS if name in attributes])
    decided = {}
    for name in attributes:
        way = rules.address if name in ADDRESS else rules.survives_by(name)
        won = _pick(home if name in ADDRESS else shared, name, way)
        people = people.join(won.select("customer_id", name), on="customer_id", how="left")
        decided[name] = _tell_won(shared, won, name, way)
    columns = ["customer_id", *attributes, "source_records"]
    golden = pl.concat([alone.select(columns), people.select(columns)]).sort("customer_id")
    return Survivors(golden, alone, decided)


def _order(records: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Better sources first, then by who registered first: what every tie is settled by."""
    places = {system: place for place, system in enumerate(rules.source_order)}
    place = pl.col("source_system").replace_strict(places, default=len(places), return_dtype=pl.Int64)
    return records.with_columns(place.alias("place")).sort("place", "rank")


def _pick(records: pl.DataFrame, name: str, way: str) -> pl.DataFrame:
    """The winning record of each person for one field."""
    known = records.filter(pl.col(name).is_not_null())
    invalid = ~pl.col(name).cast(pl.String).str.contains(_VALID.get(name, ""))
    text = pl.col(name).cast(pl.String)
    since = pl.col("registered")
    often = pl.len().over("customer_id", text.str.to_lowercase()).cast(pl.Int64)
    better: dict[str, list[pl.Expr]] = {
        "most_recent": [since.is_null(), -since.dt.epoch("us")],
        "earliest": [since.is_null(), since.dt.epoch("us")],
        "most_frequent": [-often],
        "longest_valid": [-text.str.len_chars().cast(pl.Int64)],
        "source_priority": [],
    }
    ordered = known.sort(invalid, *better[way], maintain_order=True)
    return ordered.unique("customer_id", keep="first", maintain_order=True)


def _pick_home(records: pl.DataFrame, rules: Rules, fields: list[str]) -> pl.DataFrame:
    """For each person the one record whose address is hers."""
    full = pl.col("address_line1").is_not_null()
    has_any = pl.any_horizontal(pl.col(fields).is_not_null())
    marked = records.filter(has_any).with_columns(home=pl.when(full).then(1).otherwise(2))
    best = marked.filter(pl.col("home") == pl.col("home").min().over("customer_id"))
    return _pick(best, "home", rules.address)


def _tell(records: pl.DataFrame, name: str, *also: str) -> pl.DataFrame:
    text = pl.col(name).cast(pl.String)
    return records.filter(pl.col(name).is_not_null()).select(
        "customer_id", pl.lit(name).alias("field"), text.alias("value"), *KEY, *also
    )


def _tell_won(records: pl.DataFrame, won: pl.DataFrame, name: str, way: str) -> pl.DataFrame:
    """The winner with the distinct values that lost, `value (system:id)` each."""
    told = _tell(won, name)
    others = _tell(records, name).join(
        told.select("customer_id", pl.col("value").alias("winner")), on="customer_id"
    )
    lost = others.filter(pl.col("value") != pl.col("winner")).sort("customer_id", "value", *KEY)
    lost = lost.unique(["customer_id", "value"], keep="first", maintain_order=True)
    listed = lost.group_by("customer_id").agg(
        pl.format("{} ({}:{})", "value", "source_system", "source_id").str.join("; ").alias("losing_values")
    )
    return told.join(listed, on="customer_id", how="left").select(
        "customer_id", "field", "value", *KEY,
        pl.when(pl.col("losing_values").is_null()).then(pl.lit(ONLY)).otherwise(pl.lit(way)).alias("rule"),
        "losing_values",
    )  # fmt: skip
