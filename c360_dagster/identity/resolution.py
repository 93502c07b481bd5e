"""The whole resolution from records to people, step by step from top to bottom."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from c360_dagster.identity import blocking, training
from c360_dagster.identity.clusters import ALWAYS_EVIDENCE, cluster, find_affected
from c360_dagster.identity.explaining import Explainer
from c360_dagster.identity.forms import find_day_first
from c360_dagster.identity.ids import assign_ids
from c360_dagster.identity.links import ALWAYS, Judged, judge, keep_links, mark_cuts, with_rules
from c360_dagster.identity.memory import Memory
from c360_dagster.identity.model import Model, choose_comparisons, count_values, find_prior
from c360_dagster.identity.recall import Recalled, grouping_of, recall, recall_links, settings_of
from c360_dagster.identity.records import KEY, order_records, overlay
from c360_dagster.identity.remember import (
    find_changed,
    remember_model,
    remember_records,
)
from c360_dagster.identity.reviewing import Overrules, find_overrules, list_review
from c360_dagster.identity.rules import Rules
from c360_dagster.identity.settling import Registry
from c360_dagster.identity.survivorship import Survivors, survive

FIRST_PRIOR, EVEN_PRIOR = 1e-5, 0.5
MOST_OTHER_RECORDS = 10
"""The blocking keys' limits grow with the number of other records that a person has, up to this
number."""


@dataclass(frozen=True)
class Resolution:
    identities: pl.DataFrame
    merges: pl.DataFrame
    review: pl.DataFrame
    redirects: pl.DataFrame
    memory: Memory
    report: dict[str, Any]
    known: pl.DataFrame = field(repr=False)
    """The records as they came, with the customer_id of each and when it was registered."""
    changed: pl.Series = field(repr=False)
    """The customers, including former ones, whose golden record may have changed."""
    rules: Rules = field(repr=False)

    @cached_property
    def changes(self) -> Survivors:
        """The golden records and provenance of the changed customers."""
        return survive(
            self.known.filter(pl.col("customer_id").is_in(self.changed.implode())), self.rules
        )

    @cached_property
    def _survivors(self) -> Survivors:
        return survive(self.known, self.rules)

    @property
    def golden(self) -> pl.DataFrame:
        return self._survivors.golden

    @property
    def provenance(self) -> pl.DataFrame:
        return self._survivors.provenance


def resolve(
    records: pl.DataFrame,
    previous: "Resolution | Memory | pl.DataFrame | None" = None,
    rules: Rules | Mapping[str, Any] | None = None,
) -> Resolution:
    """Finds out which records are one person and gives every record that person's lasting id."""
    parsed_rules = Rules.read(rules)
    memory = _read_previous(previous)
    ordered = order_records(records)
    recalled = recall(ordered, memory, parsed_rules)
    overrules = find_overrules(ordered, parsed_rules)
    compared = _compare(recalled, memory, ordered, parsed_rules)
    grouped = _group(recalled, compared, overrules, memory, parsed_rules)
    links = with_rules(grouped.links, parsed_rules)
    keys = ordered.select(KEY).with_columns(recalled.features["registered"])
    explainer = Explainer(ordered, grouped.followed, overrules, memory, recalled)
    registry = assign_ids(keys, grouped.people, memory, recalled.memory_places, explainer.explain)
    identities = _describe(ordered, grouped, registry, memory, recalled)
    review = list_review(identities, links, recalled, overrules, parsed_rules)
    return Resolution(
        identities=identities,
        merges=registry.merges,
        review=review,
        redirects=registry.ids.filter(pl.col("redirect_to").is_not_null()).select(
            pl.col("customer_id").alias("from_id"), pl.col("redirect_to").alias("to_id")
        ),
        memory=Memory(
            records=remember_records(memory, identities, recalled, overrules),
            links=grouped.links,
            shared=recalled.shared,
            ids=registry.ids,
            former=registry.former,
            model=remember_model(compared.model, parsed_rules),
            frequencies=compared.frequencies,
        ),
        report=_report(identities, compared, recalled, review, registry, overrules),
        known=ordered.with_columns(registry.customer_ids, recalled.features["registered"]),
        changed=find_changed(memory, identities, recalled),
        rules=parsed_rules,
    )


@dataclass(frozen=True)
class Compared:
    links: pl.DataFrame
    changed: pl.Series
    """Positions of the records that came or changed, or whose links changed."""
    model: Model
    frequencies: pl.DataFrame
    comparisons: int


@dataclass(frozen=True)
class Grouped:
    people: pl.DataFrame
    """at, label: of all records whose person may have changed."""
    followed: pl.DataFrame
    """The links that hold these people together."""
    links: pl.DataFrame
    """All links, with the reasons why some were cut."""


def _read_previous(previous: "Resolution | Memory | pl.DataFrame | None") -> Memory:
    if isinstance(previous, Resolution):
        return previous.memory
    if isinstance(previous, Memory):
        return previous
    return Memory.from_frames({}) if previous is None else Memory.from_ids(previous)


def _compare(recalled: Recalled, memory: Memory, ordered: pl.DataFrame, rules: Rules) -> Compared:
    """Compares new and changed records with all others, or all with all if there is no model."""
    features = recalled.features
    if recalled.model is None:
        frequencies = count_values(features)
        model = _make_model(features, ordered, rules)
        pairs = blocking.find_pairs(features, model.scale)
        judged = judge(features, frequencies, pairs, model)
        model = _with_prior(model, judged)
        scaled = _scale_to_people(model)
        if scaled.scale > model.scale:
            pairs = blocking.find_pairs(features, scaled.scale)
            judged = judge(features, frequencies, pairs, scaled)
            model = _with_prior(scaled, judged)
        links = keep_links(pairs, judged, model, rules)
        return Compared(links, recalled.touched, model, frequencies, pairs.height)
    scale = recalled.model.scale
    if len(recalled.touched) == features.height:
        pairs, touched = blocking.find_pairs(features, scale), recalled.touched
    else:
        pairs, touched = blocking.find_new_pairs(
            features, scale, recalled.touched, recalled.removed
        )
    judged = judge(features, memory.frequencies, pairs, recalled.model)
    fresh = keep_links(pairs, judged, recalled.model, rules)
    links, changed = recall_links(memory, recalled, touched, fresh)
    changed = pl.concat([recalled.touched, changed])
    return Compared(links, changed, recalled.model, memory.frequencies, pairs.height)


def _group(
    recalled: Recalled, compared: Compared, overrules: Overrules, memory: Memory, rules: Rules
) -> Grouped:
    """Groups the records that links tie to something new or changed; other groups stay as is."""
    records = recalled.features.height
    links = with_rules(compared.links, rules)
    followed = pl.concat(
        [
            links.filter(pl.col("rule").is_not_null() & pl.col("held").is_null()),
            _make_always_links(overrules, links.schema),
        ]
    )
    if memory.grouping == grouping_of(rules):
        decided = memory.records.select(
            pl.col("is_decided").gather(recalled.memory_places)
        ).to_series()
        affected = find_affected(
            followed,
            pl.concat([compared.changed, overrules.records, decided.arg_true()]),
            records,
        )
    else:
        affected = pl.Series("at", range(records), dtype=pl.UInt32)
    followed = followed.filter(pl.col("left").is_in(affected.implode()))
    clusters = cluster(
        recalled.features,
        followed,
        overrules.never,
        rules,
        lambda pairs: judge(
            recalled.features, compared.frequencies, pairs, compared.model, in_detail=True
        ),
        compared.model.prior if compared.model.is_trained else EVEN_PRIOR,
    )
    people = pl.DataFrame([affected, pl.Series("label", clusters.labels[affected.to_numpy()])])
    left, right = (clusters.labels[followed[side].to_numpy()] for side in ("left", "right"))
    inside = followed.filter(pl.Series(left == right, dtype=pl.Boolean))
    return Grouped(people, inside, mark_cuts(compared.links, affected, clusters.cuts))


def _make_model(features: pl.DataFrame, ordered: pl.DataFrame, rules: Rules) -> Model:
    comparisons = choose_comparisons(features)
    obstacle = training.find_obstacle(features, comparisons)
    if obstacle is None:
        comparisons = training.estimate(features, comparisons)
    return Model(
        comparisons=comparisons,
        prior=FIRST_PRIOR,
        is_trained=obstacle is None,
        why=obstacle or "estimated from the data",
        records=features.height,
        day_first=find_day_first(ordered["date_of_birth"]),
        settings=settings_of(rules),
        scale=blocking.scale_limits(features.height),
    )


def _scale_to_people(model: Model) -> Model:
    """Returns the model with a larger scale if people have several records each.

    The keys' limits are meant as numbers of people, so they grow with the records per person.
    """
    others = int(model.prior * model.records) if model.is_trained else 0
    return replace(model, scale=model.scale * (1 + min(others, MOST_OTHER_RECORDS)))


def _with_prior(model: Model, judged: Judged) -> Model:
    if not model.is_trained:
        return model
    return replace(model, prior=find_prior(judged.evidence, model.records, FIRST_PRIOR))


def _make_always_links(overrules: Overrules, schema: pl.Schema) -> pl.DataFrame:
    left, right = [a for a, _ in overrules.always], [b for _, b in overrules.always]
    return pl.DataFrame(
        {
            "left": left,
            "right": right,
            "evidence": [ALWAYS_EVIDENCE] * len(left),
            "probability": [None] * len(left),
            "rule": [ALWAYS] * len(left),
            "held": [None] * len(left),
            "cut": [None] * len(left),
        },
        schema=schema,
    )


def _describe(
    records: pl.DataFrame,
    grouped: Grouped,
    registry: Registry,
    memory: Memory,
    recalled: Recalled,
) -> pl.DataFrame:
    """Returns every record with its id and the strongest link that ties it to its person."""
    ends = pl.concat(
        [
            grouped.followed.select(pl.col(side).alias("at"), "evidence", "rule", "probability")
            for side in ("left", "right")
        ]
    ).sort(["at", "evidence", "rule", "probability"], descending=[False, True, False, True])
    best = ends.unique("at", keep="first", maintain_order=True)
    anew = (
        grouped.people.select("at")
        .join(best, on="at", how="left", maintain_order="left")
        .select(
            pl.col("rule").fill_null("single").alias("match_rule"),
            pl.col("probability").alias("match_probability"),
        )
    )
    before = memory.records.select(anew.columns)
    return pl.concat(
        [
            records.select(KEY),
            registry.customer_ids.to_frame(),
            overlay(before, recalled.memory_places, grouped.people["at"], anew),
        ],
        how="horizontal",
    )


def _report(  # noqa: PLR0913, PLR0917  a report tells of everything
    identities: pl.DataFrame,
    compared: Compared,
    recalled: Recalled,
    review: pl.DataFrame,
    registry: Registry,
    overrules: Overrules,
) -> dict[str, Any]:
    by_rule = identities["match_rule"].value_counts().sort("match_rule")
    reasons = review["reason"].value_counts().sort("reason")
    model = compared.model
    return {
        "records": identities.height,
        "people": identities["customer_id"].n_unique(),
        "compared_records": len(recalled.touched),
        "comparisons": compared.comparisons,
        "records_by_rule": dict(by_rule.iter_rows()),
        "review_by_reason": dict(reasons.iter_rows()),
        "merges": registry.merges.filter(pl.col("kind") == "merge").height,
        "splits": registry.merges.filter(pl.col("kind") == "split").height,
        "shared_values": recalled.shared.height,
        "unknown_overrules": overrules.unknown,
        "is_trained": model.is_trained,
        "why": model.why,
        "settled_on_records": model.records,
        "is_settled_anew": recalled.model is None,
        "prior": model.prior,
        "parameters": {
            one.name: {
                level.name: {"m": level.m, "u": level.u, "weight": round(level.weight, 3)}
                for level in one.levels
            }
            for one in model.comparisons
        },
    }
