"""Reads what the last resolution kept and finds the records that have to be compared again."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import polars as pl
from numpy.typing import NDArray

from c360_dagster.identity.forms import FEATURES, find_day_first, normalise
from c360_dagster.identity.links import SCHEMA
from c360_dagster.identity.memory import Memory
from c360_dagster.identity.model import Model
from c360_dagster.identity.records import (
    KEY,
    content,
    fingerprint,
    hash_keys,
    overlay,
)
from c360_dagster.identity.rules import Rules

GROWTH = 1.5
"""A new model is made when there are this many times as many records as the model was made from,
or this many times fewer."""
NAMES = ("first", "last", "email", "phone", "dob")
SHARED = ("email", "phone")
SOURCES = (".py", "nicknames.csv")


@dataclass(frozen=True)
class Recalled:
    features: pl.DataFrame
    """In the records' order; shared e-mails and phones are null."""
    fingerprints: pl.Series
    contents: pl.Series
    memory_places: pl.Series
    """Each record's place among the remembered ones; null for a new record."""
    current_positions: NDArray[np.int64]
    """Each remembered record's position among the records; -1 if it is gone."""
    model: Model | None
    """None if a new model has to be made; then everything is compared."""
    touched: pl.Series
    """Positions of the records to compare; all of them if there is no model."""
    removed: pl.DataFrame
    """Former features: of records that are gone, and of changed records before the change."""
    shared: pl.DataFrame
    """field, value: e-mails and phones that too many names share."""
    forms: pl.DataFrame
    """The features as they are remembered, including the shared values."""


def recall(records: pl.DataFrame, memory: Memory, rules: Rules) -> Recalled:
    prints = fingerprint(records)
    contents = content(records, prints, repr((_digest_code(), *rules.surviving)))
    places = find_places(records, memory.records)
    positions = np.full(memory.records.height, -1)
    positions[places.drop_nulls().to_numpy()] = places.is_not_null().arg_true().to_numpy()
    model = _usable_model(memory, records.height, rules)
    day_first = model.day_first if model else find_day_first(records["date_of_birth"])
    is_same = _find_unchanged(memory, places, prints)
    if model is None or memory.grouping is None or not is_same.any():
        forms = normalise(records, rules, day_first=day_first)
        shared = find_shared(forms, rules)
        features = hide(forms, shared)
        everyone = pl.Series("at", range(records.height), dtype=pl.UInt32)
        none = features.clear()
        return Recalled(
            features, prints, contents, places, positions, model, everyone, none, shared, forms
        )
    old = memory.records.select(list(FEATURES))
    new = (~is_same).arg_true()
    forms = overlay(old, places, new, normalise(records[new], rules, day_first=day_first))
    still = np.append(is_same.to_numpy(), [False])[positions]
    went = old.filter(memory.records["is_present"] & ~pl.Series(still))
    shared, flips = _find_flips(memory.shared, forms, forms[new], went, rules)
    unhidden = _has_any(forms, flips).arg_true()
    touched = pl.concat([new, unhidden]).unique().sort().rename("at")
    unchanged = unhidden.filter(~unhidden.is_in(new.implode()))
    removed = hide(pl.concat([went, forms[unchanged]]), memory.shared)
    features = hide(forms, shared)
    return Recalled(
        features, prints, contents, places, positions, model, touched, removed, shared, forms
    )


def recall_links(
    memory: Memory, recalled: Recalled, touched: pl.Series, fresh: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series]:
    """Returns all links, and the positions of the records whose links have changed.

    The links are the remembered ones between records not compared again, and those found now.
    """
    is_touched = np.zeros(len(recalled.memory_places) + 1, dtype=bool)
    is_touched[touched.to_numpy()] = True
    is_touched[-1] = True  # a record that is gone has position -1
    ends = {
        side: recalled.current_positions[memory.links[side].to_numpy()]
        for side in ("left", "right")
    }
    again = pl.Series(is_touched[ends["left"]] | is_touched[ends["right"]])
    then = memory.links.with_columns(**{side: pl.Series(at) for side, at in ends.items()})
    kept, former = then.filter(~again), then.filter(again)
    judged = [name for name in SCHEMA if name != "cut"]
    found = (
        fresh.select(judged)
        .cast({"left": pl.Int64, "right": pl.Int64})
        .join(former.with_columns(is_old=True), on=judged, how="left", nulls_equal=True)
    )
    lost = former.join(found, on=judged, how="anti", nulls_equal=True)
    other = pl.concat(
        [found.filter(pl.col("is_old").is_null()).select(judged), lost.select(judged)]
    )
    changed = pl.concat([other["left"], other["right"]]).unique()
    links = pl.concat([kept, found.select(kept.columns)]).cast(pl.Schema(SCHEMA))
    return links.sort("left", "right"), changed.filter(changed >= 0).cast(pl.UInt32)


def find_places(records: pl.DataFrame, remembered: pl.DataFrame) -> pl.Series:
    """Returns each record's place among the remembered ones; null for one never seen.

    Joins on one hash per key, which is far quicker than joining on two texts. In the rare case
    that two keys have the same hash, it joins on the texts.
    """
    keys, theirs = records.select(KEY), remembered.select(KEY)
    numbers, their_numbers = hash_keys(keys), hash_keys(theirs)
    met = _look_up(numbers, their_numbers)
    if met.len() == keys.height:
        found = theirs.select(pl.all().gather(met))
        same = (found[name] == keys[name] for name in KEY)
        if all(each.drop_nulls().all() for each in same):
            return met
    return _look_up(keys, theirs)


def _look_up(keys: pl.DataFrame, theirs: pl.DataFrame) -> pl.Series:
    placed = theirs.with_row_index("place")
    met = keys.join(placed, on=keys.columns, how="left", maintain_order="left")
    return met["place"]


def find_shared(forms: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Returns the e-mails and phones that more than `shared_by_names` names have."""
    found = []
    for name in SHARED:
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


def _find_unchanged(memory: Memory, places: pl.Series, prints: pl.Series) -> pl.Series:
    """Says of each record whether it was there the last time and looked as it does now."""
    before = memory.records.select(pl.col("is_present", "fingerprint").gather(places))
    return (before["is_present"] & (before["fingerprint"] == prints)).fill_null(value=False)


def _find_flips(
    then: pl.DataFrame, forms: pl.DataFrame, came: pl.DataFrame, went: pl.DataFrame, rules: Rules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the values that are shared now, and those that have become shared or ceased to be.

    Only values of records that came or went are counted again; the others cannot have changed.
    """
    moved = pl.concat(
        [
            pl.concat([came[name], went[name]])
            .drop_nulls()
            .unique()
            .to_frame("value")
            .select(pl.lit(name).alias("field"), "value")
            for name in SHARED
        ]
    )
    concerned = forms.filter(_has_any(forms, moved))
    now = find_shared(concerned, rules).join(moved, on=moved.columns, how="semi")
    before = then.join(moved, on=moved.columns, how="semi")
    shared = pl.concat([then.join(moved, on=moved.columns, how="anti"), now])
    flips = pl.concat(
        [
            one.join(other, on=moved.columns, how="anti")
            for one, other in ((before, now), (now, before))
        ]
    )
    return shared.sort("field", "value"), flips


def _has_any(forms: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """Says of each record whether it has one of these e-mails or phones."""
    by_field = {name: values.filter(pl.col("field") == name)["value"] for name in SHARED}
    has = (pl.col(name).is_in(by_field[name].implode()).fill_null(value=False) for name in SHARED)
    return forms.select(pl.any_horizontal(has).alias("has")).to_series()


def hide(forms: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """Sets to null what must not link: shared e-mails and phones, and an address by itself.

    An address stands by itself if the record has no name, e-mail, phone or birth date.
    """
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


def settings_of(rules: Rules) -> tuple[object, ...]:
    """Returns what links are judged by. If it changes, all records are compared again."""
    return (_digest_code(), *rules.matching)


@cache
def _digest_code() -> str:
    """Returns a hash of this package's files, so that no result of another version is kept."""
    code = (file for file in files(__package__).iterdir() if file.name.endswith(SOURCES))
    text = b"".join(file.read_bytes() for file in sorted(code, key=lambda file: file.name))
    return hashlib.sha256(text).hexdigest()[:32]


def grouping_of(rules: Rules) -> str:
    return json.dumps(rules.grouping)


def _usable_model(memory: Memory, records: int, rules: Rules) -> Model | None:
    model = memory.last_model
    if model is None or model.settings != settings_of(rules):
        return None
    return model if model.records / GROWTH <= records <= model.records * GROWTH else None
