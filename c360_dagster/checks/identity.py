"""Checks that no id is lost, that decisions name known records, and how good the resolution is.

A lost id fails; a decision about an unknown record warns. If the simulator knows the truth, a
resolution that finds too little or too much warns as well.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from c360_dagster.checks.truth import Truth
from c360_dagster.resources.decisions import Decision
from c360_dagster.resources.registry import Generation
from c360_dagster.settings import Settings

# Imported for types only: it is slow to import, and the definitions do not need it.
if TYPE_CHECKING:
    from c360_dagster.identity import Resolution

IDENTITIES = dg.AssetKey(["identity", "identities"])
LEAST_PRECISION = 0.995
LEAST_RECALL = 0.95
DECISIONS = "decisions_name_known_records"
NAMED = 5


def specify_identity_checks() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name="no_id_is_lost",
            asset=IDENTITIES,
            description="Every id ever given is known, and a merged one leads to one that stands.",
            blocking=True,
        ),
        dg.AssetCheckSpec(
            name=DECISIONS,
            asset=IDENTITIES,
            description="Every decision about people names two records that are known.",
        ),
        dg.AssetCheckSpec(
            name="agrees_with_the_truth",
            asset=IDENTITIES,
            description=(
                f"Of the pairs said to be one person at least {LEAST_PRECISION} are, and at least "
                f"{LEAST_RECALL} of those that are were found; all of both where no defects were "
                "planted. Only simulated people are known well enough to tell."
            ),
        ),
    ]


def check_identity(
    settings: Settings,
    known: Generation | None,
    found: "Resolution",
    decisions: Sequence[Decision],
) -> Iterator[dg.AssetCheckResult]:
    yield _check_ids(known, found)
    yield _check_decisions(settings, found, decisions)
    yield _check_truth(settings, found)


def _check_ids(known: Generation | None, found: "Resolution") -> dg.AssetCheckResult:
    """Finds ids that are lost, and redirects to ids that do not stand.

    An id whose records have all left the files stays in the registry and is given to nobody else.
    """
    ids = found.memory.ids
    given = known.frames["ids"]["customer_id"] if known else ids["customer_id"].clear()
    lost = given.filter(~given.is_in(ids["customer_id"].implode())).sort()
    standing = ids.filter(pl.col("redirect_to").is_null())["customer_id"]
    astray = found.redirects.filter(~pl.col("to_id").is_in(standing.implode()))
    problem = f"Lost: {', '.join(lost.head(5))}. " if lost.len() else ""
    if astray.height:
        problem += f"{astray.height} redirects lead to ids that do not stand for anybody."
    return dg.AssetCheckResult(
        asset_key=IDENTITIES,
        check_name="no_id_is_lost",
        passed=not problem,
        description=problem or None,
        metadata={"given": ids.height, "lost": lost.len(), "redirected": found.redirects.height},
    )


def _check_decisions(
    settings: Settings, found: "Resolution", decisions: Sequence[Decision]
) -> dg.AssetCheckResult:
    """Finds decisions with a mistyped id, or about a record in no file up to the as-of day."""
    named = pl.DataFrame(
        [(each.line, *record) for each in decisions for record in each.pair],
        schema={"line": pl.Int64, "source_system": pl.String, "source_id": pl.String},
        orient="row",
    )
    unknown = named.join(
        found.identities, on=["source_system", "source_id"], how="anti", maintain_order="left"
    )
    lines = unknown["line"].n_unique()
    shown = [f"line {line} ({system} {name})" for line, system, name in unknown.head(NAMED).rows()]
    more = ", …" if unknown.height > NAMED else ""
    return dg.AssetCheckResult(
        asset_key=IDENTITIES,
        check_name=DECISIONS,
        passed=not lines,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{lines} of {len(decisions)} decisions in {settings.decisions} name an unknown "
            f"record and have no effect: {', '.join(shown)}{more}. Correct the id, or remove the "
            "line."
            if lines
            else f"{len(decisions)} decisions"
        ),
        metadata={"decisions": len(decisions), "unknown": lines},
    )


def _check_truth(settings: Settings, found: "Resolution") -> dg.AssetCheckResult:
    truth = Truth(settings.truth).read_identities()
    if truth is None:
        return dg.AssetCheckResult(
            asset_key=IDENTITIES,
            check_name="agrees_with_the_truth",
            passed=True,
            description="Nobody knows the truth about these people; identity_review asks for it.",
        )
    from c360_dagster.identity.quality import measure_pairs  # noqa: PLC0415  as above

    quality = measure_pairs(found.identities, truth)
    precision, recall = (LEAST_PRECISION, LEAST_RECALL) if settings.defects else (1, 1)
    return dg.AssetCheckResult(
        asset_key=IDENTITIES,
        check_name="agrees_with_the_truth",
        passed=quality.precision >= precision and quality.recall >= recall,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"Precision {quality.precision:.4f}, recall {quality.recall:.4f} "
            f"over {quality.actual:,} pairs of records that are one person."
        ),
        metadata={
            "precision": quality.precision,
            "recall": quality.recall,
            "f1": quality.f1,
            "pairs_said": quality.predicted,
            "pairs_true": quality.actual,
        },
    )
