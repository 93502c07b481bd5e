"""Turns compared pairs into links: exact identifiers by rule, all others by probability.

A pair that may be alike for another reason, such as twins or a household, is held back.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from c360_dagster.identity.comparing import compare
from c360_dagster.identity.model import Model, probability, weigh, weigh_comparison
from c360_dagster.identity.rules import Rules

SAME_EMAIL, SAME_PHONE, MODEL, ALWAYS = "same e-mail", "same phone", "model", "always"
SEVERAL = "several records"
SAME_NAME_AND_BIRTH, SAME_NAME_AND_ADDRESS = "same name and birth date", "same name and address"
UNRELIABLE = 0.03
"""If at least this share of one person's records differ clearly in first name or birth date, such
a difference by itself no longer keeps two records apart."""
COMMON, CROWD = 0.02, 10
"""A birth date is taken for a form's default if more than this share of the records have it, and
more than this number: more records than one person has."""
SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "left": pl.UInt32,
    "right": pl.UInt32,
    "evidence": pl.Float64,
    "probability": pl.Float64,
    "rule": pl.String,
    "held": pl.String,
    "cut": pl.String,
}

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """What pairs share and where they clash, with one element for each pair."""

    evidence: pl.Series
    first_clashes: Flags
    """The first names differ so clearly that these are two people, whatever else agrees."""
    birth_clashes: Flags
    first_differs: Flags
    birth_differs: Flags
    email_differs: Flags
    rule: pl.Series
    held: pl.Series
    fields: dict[str, "Field"] = field(default_factory=dict)
    """What each comparison says, if `judge` was asked for details."""


@dataclass(frozen=True)
class Field:
    """What one comparison says of each pair."""

    bits: NDArray[np.float64]
    known: Flags


def judge(
    features: pl.DataFrame,
    frequencies: pl.DataFrame,
    pairs: pl.DataFrame,
    model: Model,
    *,
    in_detail: bool = False,
) -> Judged:
    levels, rarity = compare(features, frequencies, pairs, model)
    evidence = weigh(levels, rarity, model)
    at = _Levels(levels, model)
    same_email, same_phone = at.on("email", "exact"), at.on("phone", "exact")
    first_differs = at.on("first", "different")
    birth_differs = at.on("dob", "different", "year")
    other_birth = at.on("dob", "different")
    first_clashes = at.clash("first", "different", "far")
    # An equal e-mail excuses a different birth date, but not if the first name differs too (Mario
    # uses Maria's e-mail). An equal phone never does: it may be a son's.
    same_name = at.on("first", "exact", "nickname", "swapped") | at.unknown("first")
    birth_clashes = at.clash("dob", "different", "year") & ~(same_email & same_name)
    held = first_clashes | birth_clashes | (first_differs & birth_differs)
    agrees = at.on("first", "exact", "nickname", "swapped", "near", "part")
    last_agrees = at.on("last", "exact", "swapped", "near")
    same_birth = at.on("dob", "exact")
    rules = [
        (SAME_EMAIL, same_email & (agrees | at.unknown("first")) & ~birth_differs),
        (SAME_PHONE, same_phone & agrees & (last_agrees | same_birth) & ~birth_differs),
    ]
    if not model.is_trained:
        place = at.on("place", "street", "near street")
        own_birth = same_birth & ~_is_default_date(rarity, model)
        rules += [
            (SAME_EMAIL, same_email & (agrees | at.unknown("first"))),
            (SAME_NAME_AND_BIRTH, agrees & last_agrees & own_birth),
            (SAME_NAME_AND_ADDRESS, agrees & last_agrees & place & ~birth_differs),
        ]
    rule = np.full(len(evidence), None, dtype=object)
    for name, holds in reversed(rules):
        rule[holds & ~held] = name
    reason = np.full(len(evidence), None, dtype=object)
    reason[held] = "other birth date"
    reason[held & (first_differs | first_clashes)] = "other first name"
    reason[held & first_differs & birth_differs] = "other first name and birth date"
    return Judged(
        evidence=evidence,
        first_clashes=first_clashes,
        birth_clashes=birth_clashes,
        first_differs=first_differs,
        birth_differs=other_birth,
        email_differs=at.on("email", "different"),
        rule=pl.Series(rule.tolist(), dtype=pl.String),
        held=pl.Series(reason.tolist(), dtype=pl.String),
        fields=_weigh_fields(levels, rarity, model) if in_detail else {},
    )


def _is_default_date(rarity: pl.DataFrame, model: Model) -> Flags:
    """Whether so many records have this birth date that it must be a form's default."""
    if "dob" not in rarity.columns:
        return np.zeros(rarity.height, dtype=bool)
    share = rarity["dob"].to_numpy()
    return np.asarray((share > COMMON) & (share * model.records > CROWD))


def _weigh_fields(levels: pl.DataFrame, rarity: pl.DataFrame, model: Model) -> dict[str, Field]:
    return {
        comparison.name: Field(
            bits=weigh_comparison(comparison, levels, rarity),
            known=levels[comparison.name].to_numpy() != -1,
        )
        for comparison in model.comparisons
    }


def keep_links(pairs: pl.DataFrame, judged: Judged, model: Model, rules: Rules) -> pl.DataFrame:
    """Returns the pairs that are linked, nearly linked, or held back only by a clash."""
    chance = probability(judged.evidence, model.prior)
    if not model.is_trained:
        chance = pl.Series("probability", [None] * len(chance), dtype=pl.Float64)
    found = pairs.with_columns(
        judged.evidence.alias("evidence"),
        chance.alias("probability"),
        judged.rule.alias("rule"),
        judged.held.alias("held"),
        pl.lit(None, pl.String).alias("cut"),
    )
    likely = (pl.col("probability") >= rules.review).fill_null(value=False)
    kept = found.filter(pl.col("rule").is_not_null() | likely)
    return kept.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def with_rules(links: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Fills in the rule of each link that has none; a link that is held back keeps null.

    The rule is `model` if the probability suffices, or else `several records`: further records
    must then support the link.
    """
    by_model = pl.when(pl.col("probability") >= rules.link).then(pl.lit(MODEL))
    return links.with_columns(
        pl.when(pl.col("rule").is_null() & pl.col("held").is_null())
        .then(by_model.otherwise(pl.lit(SEVERAL)))
        .otherwise("rule")
        .alias("rule")
    )


def mark_cuts(links: pl.DataFrame, affected: pl.Series, cuts: pl.DataFrame) -> pl.DataFrame:
    """Returns the links with the reason why each was cut.

    The reason is new for links of records in `affected` and remembered for all others.
    """
    found = cuts.select("left", "right", "reason")
    marked = links.join(found, on=["left", "right"], how="left", maintain_order="left")
    is_affected = pl.col("left").is_in(affected.implode())
    cut = pl.when(is_affected).then("reason").otherwise("cut").alias("cut")
    return marked.with_columns(cut).drop("reason")


class _Levels:
    """Says which pairs are on a level: none of them if the model lacks that comparison."""

    def __init__(self, levels: pl.DataFrame, model: Model) -> None:
        self.levels = levels
        self.comparisons = {one.name: one for one in model.comparisons}

    def on(self, name: str, *levels: str) -> Flags:
        if name not in self.comparisons:
            return np.zeros(self.levels.height, dtype=bool)
        numbers = [self.comparisons[name].number(level) for level in levels]
        return np.isin(self.levels[name].to_numpy(), numbers)

    def unknown(self, name: str) -> Flags:
        if name not in self.comparisons:
            return np.ones(self.levels.height, dtype=bool)
        return np.asarray(self.levels[name].to_numpy() == -1)

    def clash(self, name: str, *levels: str) -> Flags:
        """Says which pairs are on one of these levels, given from the clearest difference on.

        Leaves out levels that are no longer rare (UNRELIABLE) among one person's records.
        """
        clashing, share = [], 0.0
        for level in levels if name in self.comparisons else ():
            comparison = self.comparisons[name]
            share += comparison.levels[comparison.number(level)].m
            if share < UNRELIABLE:
                clashing.append(level)
        return self.on(name, *clashing)
