"""What the pipeline asks of the statistics, a module a question: frames in, answers out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

NOBODY_KNOWS = "Nobody knows the truth about these customers."


@dataclass(frozen=True)
class Finding:
    """What came of judging an estimate: in words, and in numbers."""

    check: str
    is_passed: bool
    said: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    tables: dict[str, pl.DataFrame]
    findings: list[Finding]


def find(
    check: str,
    is_passed: bool,  # noqa: FBT001  what a finding is about
    said: str,
    **numbers: float | str | None,
) -> Finding:
    """Leaves out the numbers that could not be told."""
    known = {name: value for name, value in numbers.items() if value is not None}
    return Finding(check, bool(is_passed), said, known)


def find_nothing(check: str) -> Finding:
    """There is no truth to hold it against, which is nobody's fault."""
    return find(check, True, NOBODY_KNOWS)  # noqa: FBT003


def tabulate(findings: Iterable[Finding]) -> pl.DataFrame:
    """The findings as rows: one for each number measured, one for a check without any."""
    rows = [
        {
            "check_name": finding.check,
            "is_passed": finding.is_passed,
            "said": finding.said,
            "measure": measure,
            "value": float(value) if isinstance(value, int | float) else None,
        }
        for finding in findings
        for measure, value in finding.numbers.items() or [("", None)]
    ]
    return pl.DataFrame(
        rows,
        schema={"check_name": pl.String, "is_passed": pl.Boolean, "said": pl.String,
                "measure": pl.String, "value": pl.Float64},
    )  # fmt: skip
