"""The pipeline's questions to the statistics, one module each: frames in, answers out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

NOBODY_KNOWS = "Nobody knows the truth about these customers."


@dataclass(frozen=True)
class Finding:
    """The result of one check on an estimate, in words and in numbers."""

    check: str
    is_passed: bool
    said: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    tables: dict[str, pl.DataFrame]
    findings: list[Finding]


def make_finding(
    check: str,
    is_passed: bool,  # noqa: FBT001  a finding's main statement
    said: str,
    **numbers: float | str | None,
) -> Finding:
    """Returns a finding without the numbers that are None."""
    known = {name: value for name, value in numbers.items() if value is not None}
    return Finding(check, bool(is_passed), said, known)


def pass_without_truth(check: str) -> Finding:
    """Returns a finding that passes because there is no ground truth to compare with."""
    return make_finding(check, True, NOBODY_KNOWS)  # noqa: FBT003


def tabulate(findings: Iterable[Finding]) -> pl.DataFrame:
    """Returns the findings as rows: one for each number, and one for a check that has none."""
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
