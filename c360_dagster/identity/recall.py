"""What of the last call still holds: which records are as they were, which are to be compared."""

from dataclasses import dataclass

import polars as pl

from c360_dagster.identity.memory import Memory
from c360_dagster.identity.model import Model
from c360_dagster.identity.records import (
    FEATURES,
    KEY,
    content,
    find_day_first,
    fingerprint,
    normalise,
)
from c360_dagster.identity.rules import Rules

GROWTH = 1.5
"""A model is settled anew when there are this many times more records than it learnt from, or
this many times fewer."""
NAMES = ("first", "last", "email", "phone", "dob")


@dataclass(frozen=True)
class Recalled:
    features: pl.DataFrame
    """In the records' order; shared e-mails and phones are unknown."""
    fingerprints: pl.Series
    contents: pl.Series
    was: pl.Series
    """Each record's position among the remembered ones."""
    model: Model | None
    """None where it has to be settled anew, and everything is compared."""
    touched: pl.Series
    """Positions of the records to compare; all of them where there is no model."""
    removed: pl.DataFrame
    """Features that are no longer: of the records that are gone, and of changed ones before."""
    shared: pl.DataFrame
    """field, value: what too many names share."""
    forms: pl.DataFrame
    """The features as they are remembered, shared values and all."""


def recall(records: pl.DataFrame, memory: Memory, rules: Rules) -> Recalled:
    prints = fingerprint(records)
    contents = content(records, prints, rules)
    model = _usable_model(memory, records.height, rules)
    before = memory.records.filter(pl.col("is_present") & pl.col("fingerprint").is_not_null())
    if model is None:
        before = before.head(0)
        day_first = find_day_first(records["date_of_birth"])
    else:
        day_first = model.day_first
    was = (
        records.select(KEY)
        .join(
            memory.records.select(KEY).with_row_index("was"),
            on=KEY,
            how="left",
            maintain_order="left",
        )
        .to_series(len(KEY))
    )
    at = _find_unchanged(memory, was, prints) if before.height else was.clear(records.height)
    forms = _fill_forms(records, before, at, rules, day_first=day_first)
    shared = find_shared(forms, rules)
    features = hide(forms, shared)
    if model is None or not before.height:
        touched = pl.Series("at", range(records.height), dtype=pl.UInt32)
        return Recalled(
            features, prints, contents, was, model, touched, features.head(0), shared, forms
        )
    new = at.is_null().arg_true()
    gone = before.with_row_index("then").join(
        at.drop_nulls().to_frame("then"), on="then", how="anti"
    )
    old = before.select(list(FEATURES))
    shared_then = _find_former_shared(forms[new], old, old[gone["then"]], shared, rules)
    flips = pl.concat(
        [
            shared.join(shared_then, on=shared.columns, how="anti"),
            shared_then.join(shared, on=shared.columns, how="anti"),
        ]
    )
    touched = pl.concat(
        [
            new,
            *(
                forms[name]
                .is_in(flips.filter(pl.col("field") == name)["value"].implode())
                .arg_true()
                for name in ("email", "phone")
            ),
        ]
    ).unique()
    unhidden = touched.filter(~touched.is_in(new.implode()))
    removed = hide(pl.concat([old[gone["then"]], forms[unhidden]]), shared_then)
    return Recalled(
        features, prints, contents, was, model, touched.sort().rename("at"), removed, shared, forms
    )


def find_shared(forms: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """E-mails and phones that more names have than one person's limit."""
    found = []
    for name in ("email", "phone"):
        many = (
            forms.select(name, "given", "last")
            .drop_nulls(name)
            .filter(pl.len().over(name) > rules.shared_by_names)
        )
        names = (
            many.drop_nulls(["given", "last"])
            .group_by(name)
            .agg(pl.struct("given", "last").n_unique().alias("names"))
        )
        found.append(
            names.filter(pl.col("names") > rules.shared_by_names).select(
                pl.lit(name).alias("field"), pl.col(name).alias("value")
            )
        )
    return pl.concat(found).sort("field", "value")


def _find_unchanged(memory: Memory, was: pl.Series, prints: pl.Series) -> pl.Series:
    """Positions among the usable remembered records; none of a record that is another now."""
    told = memory.records.select("is_present", "fingerprint")
    usable = told["is_present"].fill_null(value=False) & told["fingerprint"].is_not_null()
    place = usable.cast(pl.UInt32).cum_sum() - 1
    same = (told["fingerprint"].gather(was) == prints) & usable.gather(was)
    found = pl.DataFrame({"then": place.gather(was), "same": same})
    return found.select(pl.when("same").then("then")).to_series()


def _find_former_shared(
    came: pl.DataFrame, old: pl.DataFrame, went: pl.DataFrame, shared: pl.DataFrame, rules: Rules
) -> pl.DataFrame:
    """What was shared before: only values that came or went can be another case now."""
    moved = pl.concat(
        [
            pl.concat([came[name], went[name]])
            .drop_nulls()
            .unique()
            .to_frame("value")
            .select(pl.lit(name).alias("field"), "value")
            for name in ("email", "phone")
        ]
    )
    own = pl.any_horizontal(
        pl.col(name).is_in(moved.filter(pl.col("field") == name)["value"].implode())
        for name in ("email", "phone")
    )
    then = find_shared(old.filter(own), rules).join(moved, on=shared.columns, how="semi")
    return pl.concat([shared.join(moved, on=shared.columns, how="anti"), then])


def hide(forms: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """Shared values are as good as unknown; so is everything about a record without identity."""
    if shared.height:
        values = {
            name: shared.filter(pl.col("field") == name)["value"] for name in ("email", "phone")
        }
        public = {name: pl.col(name).is_in(own.implode()) for name, own in values.items()}
        forms = forms.with_columns(
            *(
                pl.when(~public["email"]).then(name).alias(name)
                for name in ("email", "user", "rest", "shape")
            ),
            pl.when(~public["phone"]).then("phone").alias("phone"),
        )
    somebody = pl.any_horizontal(pl.col(NAMES).is_not_null())
    places = ("street", "zip", "city", "state")
    return forms.with_columns(pl.when(somebody).then(name).alias(name) for name in places)


def _fill_forms(
    records: pl.DataFrame, before: pl.DataFrame, at: pl.Series, rules: Rules, *, day_first: bool
) -> pl.DataFrame:
    """The forms of unchanged records as they are remembered, those of the others made now."""
    fresh = normalise(records.filter(at.is_null()), rules, day_first=day_first)
    if fresh.height == records.height:
        return fresh
    stacked = pl.concat([before.select(list(FEATURES)), fresh])
    place = at.is_null().cast(pl.UInt32).cum_sum() + before.height - 1
    return stacked[at.zip_with(at.is_not_null(), place)]


def settings_of(rules: Rules) -> tuple[object, ...]:
    return tuple(rules.matching)


def _usable_model(memory: Memory, records: int, rules: Rules) -> Model | None:
    model = memory.settled
    if model is None or model.settings != settings_of(rules):
        return None
    return model if model.records / GROWTH <= records <= model.records * GROWTH else None
