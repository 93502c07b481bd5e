"""Chooses which of a person's values survive, and lists the values that lost."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from c360_dagster.identity.anchors import ANCHOR_ORDER
from c360_dagster.identity.forms import find_unowned
from c360_dagster.identity.records import KEY
from c360_dagster.identity.rules import Rules

ADDRESS = ("address_line1", "city", "state", "zip_code", "country")
ONLY = "only value"


@dataclass(frozen=True)
class _FieldWinners:
    """The records whose values of one field survive, for people who have several records."""

    rows: pl.Series
    """For each person, the row of the record whose value survives."""
    contested: pl.Series
    """The people whose records differ."""
    rule: str
    """The rule by which the winner is chosen."""


@dataclass(frozen=True)
class Survivors:
    golden: pl.DataFrame
    alone: pl.DataFrame
    """The records of people who have only one: all of its values survive."""
    shared: pl.DataFrame
    """The records of all others, with `code`, the person's number."""
    won: dict[str, _FieldWinners]

    @cached_property
    def provenance(self) -> pl.DataFrame:
        """Every value of every person with its source. Made on demand, because it has many rows."""
        order = self.golden.select("customer_id").with_row_index("order")
        alone = self.alone.join(order, on="customer_id")
        shared = self.shared.join(order, on="customer_id", maintain_order="left")
        parts = []
        for name, won in sorted(self.won.items()):
            single = _list_values(alone, name).with_columns(
                rule=pl.lit(ONLY), losing_values=pl.lit(None, pl.String)
            )
            winners = _list_values(shared[won.rows.drop_nulls()], name).join(
                _list_lost(shared, won, name), on="code", how="left", maintain_order="left"
            )
            settled = pl.when(pl.col("losing_values").is_null()).then(pl.lit(ONLY))
            winners = winners.with_columns(rule=settled.otherwise(pl.lit(won.rule)))
            both = pl.concat([single.drop("code"), winners.select(single.columns).drop("code")])
            parts.append(both.sort("order").drop("order"))
        return pl.concat(parts)


def survive(records: pl.DataFrame, rules: Rules) -> Survivors:
    """Chooses the values of each person from the raw records with customer_id and registered."""
    helpers = {*KEY, "customer_id", "registered"}
    attributes = [name for name in records.columns if name not in helpers]
    clean = records.with_columns(
        *(_strip(name) for name in attributes if records.schema[name] == pl.String),
        pl.len().over("customer_id").alias("source_records"),
    )
    alone = clean.filter(pl.col("source_records") == 1).with_columns(code=pl.lit(None, pl.UInt32))
    shared = _order(clean.filter(pl.col("source_records") > 1), rules)
    first = shared.filter(pl.col("code") != pl.col("code").shift(1, fill_value=2**32 - 1))
    address = [name for name in ADDRESS if name in attributes]
    chosen_by = {name: rules.survives_by(name) for name in attributes if name not in address}
    won = {name: _find_winners(shared, name, rule, rules) for name, rule in chosen_by.items()}
    won |= _find_address_winners(shared, address, rules)
    people = first.select(
        "customer_id",
        *(shared[name].gather(won[name].rows).alias(name) for name in attributes),
        "source_records",
    )
    golden = pl.concat([alone.select(people.columns), people]).sort("customer_id")
    return Survivors(golden, alone, shared, won)


def _strip(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _order(records: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Sorts by person, then better sources first, then earlier registration. Settles all ties."""
    places = {system: place for place, system in enumerate(rules.source_order)}
    place = pl.col("source_system").replace_strict(
        places, default=len(places), return_dtype=pl.Int64
    )
    ordered = records.with_columns(place.alias("place")).sort("customer_id", "place", *ANCHOR_ORDER)
    return ordered.with_columns(pl.col("customer_id").rle_id().alias("code")).with_row_index("row")


def _find_winners(records: pl.DataFrame, name: str, rule: str, rules: Rules) -> _FieldWinners:
    """Takes the first of a person's records if they agree, or else the best one by the rule."""
    known = records.filter(pl.col(name).is_not_null())
    contested = _find_contested(known, name)
    best = _pick(known.filter(pl.col("code").is_in(contested.implode())), name, rule, rules)
    return _FieldWinners(_rows(records, known, best), contested, rule)


def _find_address_winners(
    records: pl.DataFrame, fields: list[str], rules: Rules
) -> dict[str, _FieldWinners]:
    """Takes the whole address from one record, from one with a street if there is any."""
    known = {name: records.filter(pl.col(name).is_not_null()) for name in fields}
    contested = pl.concat([_find_contested(known[name], name) for name in fields]).unique()
    homes = (
        records.filter(pl.col("code").is_in(contested.implode()))
        .with_columns(
            pl.when(pl.any_horizontal(pl.col(fields).is_not_null()))
            .then(pl.col("address_line1").is_null().cast(pl.Int8))
            .alias("home")
        )
        .drop_nulls("home")
    )
    homes = homes.filter(pl.col("home") == pl.col("home").min().over("code"))
    home = _pick(homes, "home", rules.address, rules)
    won = {}
    for name in fields:
        chosen = home.filter(pl.col(name).is_not_null())
        elsewhere = pl.col("code").is_in(contested.implode())
        rows = _rows(records, known[name].filter(~elsewhere), chosen)
        won[name] = _FieldWinners(rows, contested, rules.address)
    return won


def _find_contested(known: pl.DataFrame, name: str) -> pl.Series:
    """Returns the people whose records differ in this field."""
    code, value = pl.col("code"), pl.col(name)
    differs = (code == code.shift(1)) & (value != value.shift(1))
    return known.filter(differs)["code"].unique()


def _rows(records: pl.DataFrame, known: pl.DataFrame, best: pl.DataFrame) -> pl.Series:
    """Returns each person's winning row: the best one, else the first known one, else null."""
    people = records["code"].n_unique()
    rows = pl.Series("row", [None] * people, dtype=pl.UInt32)
    first = known.filter((pl.col("code") != pl.col("code").shift(1)).fill_null(value=True))
    for winners in (first, best):
        rows = rows.scatter(winners["code"], winners["row"])
    return rows


def _pick(known: pl.DataFrame, name: str, rule: str, rules: Rules) -> pl.DataFrame:
    """Returns each person's winning record for one field. Values that are nobody's own lose."""
    text = pl.col(name).cast(pl.String)
    since = pl.col("registered")
    often = pl.len().over("code", text.str.to_lowercase()).cast(pl.Int64)
    better: dict[str, list[pl.Expr]] = {
        "most_recent": [since.is_null(), -since.dt.epoch("us")],
        "earliest": [since.is_null(), since.dt.epoch("us")],
        "most_frequent": [-often],
        "longest_valid": [-text.str.len_chars().cast(pl.Int64)],
        "source_priority": [],
    }
    is_unowned = find_unowned(name, known[name], rules)
    ordered = known.with_columns(is_unowned).sort("code", "is_unowned", *better[rule], "row")
    return ordered.unique("code", keep="first", maintain_order=True)


def _list_lost(shared: pl.DataFrame, won: _FieldWinners, name: str) -> pl.DataFrame:
    """Returns the other distinct values, each written as `value (system:id, system:id)`."""
    known = shared.filter(
        pl.col("code").is_in(won.contested.implode()) & pl.col(name).is_not_null()
    )
    winners = shared[won.rows.drop_nulls()].select("code", pl.col(name).alias("winner"))
    lost = known.join(winners, on="code").filter(pl.col(name) != pl.col("winner"))
    holders = pl.format("{}:{}", *KEY).str.join(", ").alias("holders")
    lost = lost.sort("code", name, "row").group_by("code", name, maintain_order=True).agg(holders)
    each = pl.format("{} ({})", _write(known, name), "holders")
    return lost.group_by("code").agg(each.str.join("; ").alias("losing_values"))


def _list_values(records: pl.DataFrame, name: str) -> pl.DataFrame:
    value = _write(records, name).alias("value")
    return records.filter(pl.col(name).is_not_null()).select(
        "customer_id", pl.lit(name).alias("field"), value, *KEY, "code", "order"
    )


def _write(records: pl.DataFrame, name: str) -> pl.Expr:
    """Returns the value as the database writes it in text: whole seconds have no fraction."""
    text = pl.col(name).cast(pl.String)
    return text.str.strip_suffix(".000000") if records.schema[name] == pl.Datetime else text
