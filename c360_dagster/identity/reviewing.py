"""Lists what a person should review: pairs held back, cut or nearly linked, clashing decisions."""

from dataclasses import dataclass

import polars as pl

from c360_dagster.identity.links import SEVERAL
from c360_dagster.identity.recall import Recalled
from c360_dagster.identity.records import KEY
from c360_dagster.identity.rules import Pair, Rules

SCHEMA = {
    "left_system": pl.String,
    "left_id": pl.String,
    "right_system": pl.String,
    "right_id": pl.String,
    "left_customer_id": pl.String,
    "right_customer_id": pl.String,
    "reason": pl.String,
    "probability": pl.Float64,
    "suggestion": pl.String,
}
DECIDE = "One person? Add the pair under always; if not, under never."
SHARED = "If it belongs to one person after all, raise shared_by_names."
CLASH = "Remove one of the lines under always, or the one under never."


@dataclass(frozen=True)
class Overrules:
    """The pairs under `always` and `never`, as positions of records."""

    always: list[tuple[int, int]]
    never: list[tuple[int, int]]
    unknown: int
    """The number of pairs that name a record that is not there."""

    @property
    def records(self) -> pl.Series:
        """The positions of all records in these pairs."""
        named = {at for pair in (*self.always, *self.never) for at in pair}
        return pl.Series("at", sorted(named), dtype=pl.UInt32)


def find_overrules(records: pl.DataFrame, rules: Rules) -> Overrules:
    named = {end for pair in (*rules.always, *rules.never) for end in pair}
    wanted = pl.DataFrame(sorted(named), schema=dict.fromkeys(KEY, pl.String), orient="row")
    placed = records.select(KEY).with_row_index("at")
    found = placed.filter(pl.col("source_id").is_in(wanted["source_id"].implode())).join(
        wanted, on=KEY
    )
    at = {(system, key): place for place, system, key in found.select("at", *KEY).iter_rows()}

    def known(pairs: tuple[Pair, ...]) -> list[tuple[int, int]]:
        return sorted(
            {(min(at[a], at[b]), max(at[a], at[b])) for a, b in pairs if a in at and b in at}
        )

    missing = sum(a not in at or b not in at for a, b in (*rules.always, *rules.never))
    return Overrules(known(rules.always), known(rules.never), missing)


def list_review(
    identities: pl.DataFrame,
    links: pl.DataFrame,
    recalled: Recalled,
    overrules: Overrules,
    rules: Rules,
) -> pl.DataFrame:
    listed = [
        _pairs(
            links.filter(pl.col("cut") != "a pair under never").with_columns(
                pl.col("cut").alias("reason")
            )
        ),
        _pairs(
            links.filter(pl.col("held").is_not_null()).with_columns(
                pl.format("{}, else alike", "held").alias("reason")
            )
        ),
        _pairs(
            links.filter(pl.col("rule") == SEVERAL).with_columns(
                pl.lit(f"less likely than {rules.link}").alias("reason")
            )
        ),
    ]
    apart = pl.DataFrame(overrules.never, schema=["left", "right"], orient="row").cast(pl.UInt32)
    shared = _shared_pairs(recalled, identities).join(apart, on=["left", "right"], how="anti")
    pairs = _choose_likeliest(pl.concat(listed), apart, identities)
    named = _name(pl.concat([pairs, shared, _clashes(identities, overrules)]), identities)
    return named.sort("left_system", "left_id", "right_system", "right_id", "reason")


def _choose_likeliest(
    pairs: pl.DataFrame, apart: pl.DataFrame, identities: pl.DataFrame
) -> pl.DataFrame:
    """Returns one pair for any two people, because a decision holds for all their records."""
    person = identities["customer_id"].cast(pl.Categorical).to_physical()

    def name_people(frame: pl.DataFrame) -> pl.DataFrame:
        ends = [person[frame[side]].rename(side) for side in ("left", "right")]
        one, other = pl.min_horizontal(ends).alias("one"), pl.max_horizontal(ends).alias("other")
        return frame.with_columns(one, other)

    return (
        name_people(pairs)
        .filter(pl.col("one") != pl.col("other"))
        .join(name_people(apart), on=["one", "other"], how="anti", maintain_order="left")
        .sort(pl.col("probability").neg(), "left", "right", nulls_last=True, maintain_order=True)
        .unique(["one", "other"], keep="first", maintain_order=True)
        .select(pairs.columns)
    )


def _pairs(found: pl.DataFrame, suggestion: str = DECIDE) -> pl.DataFrame:
    return found.select(
        pl.col("left").cast(pl.UInt32),
        pl.col("right").cast(pl.UInt32),
        "reason",
        "probability",
        pl.lit(suggestion).alias("suggestion"),
    )


def _shared_pairs(recalled: Recalled, identities: pl.DataFrame) -> pl.DataFrame:
    """Returns an example for each shared value: its first record and the first of someone else."""
    customer = pl.col("customer_id")
    found = []
    for name, spoken in (("email", "e-mail"), ("phone", "phone")):
        values = recalled.shared.filter(pl.col("field") == name)["value"]
        examples = (
            recalled.forms.select(name, identities["customer_id"])
            .with_row_index("at")
            .filter(pl.col(name).is_in(values.implode()))
            .group_by(name)
            .agg(
                pl.col("at").first().alias("left"),
                pl.col("at").filter(customer != customer.first()).first().alias("right"),
                # Without the value itself: reasons are also shown where addresses are masked.
                pl.format(f"their {spoken} is shared by {{}} records", pl.len()).alias("reason"),
                pl.lit(None, pl.Float64).alias("probability"),
            )
            .drop_nulls("right")
        )
        found.append(_pairs(examples, SHARED))
    return pl.concat(found)


def _clashes(identities: pl.DataFrame, overrules: Overrules) -> pl.DataFrame:
    """Returns the pairs under always that are still apart because of a pair under never."""
    names = identities["customer_id"]
    apart = [(a, b) for a, b in overrules.always if names[a] != names[b]]
    frame = pl.DataFrame(apart, schema=["left", "right"], orient="row").cast(pl.UInt32)
    return _pairs(
        frame.with_columns(
            pl.lit("under always, and never forbids what follows").alias("reason"),
            pl.lit(None, pl.Float64).alias("probability"),
        ),
        CLASH,
    )


def _name(pairs: pl.DataFrame, identities: pl.DataFrame) -> pl.DataFrame:
    ends = [
        identities[pairs[side]].select(
            pl.col("source_system").alias(f"{side}_system"),
            pl.col("source_id").alias(f"{side}_id"),
            pl.col("customer_id").alias(f"{side}_customer_id"),
        )
        for side in ("left", "right")
    ]
    reasons = pairs.select("reason", "probability", "suggestion")
    return pl.concat([*ends, reasons], how="horizontal").select(list(SCHEMA))
