"""Reports how good the estimates are as Dagster checks; science/answers judges them.

None of these checks stops a run: a weak estimate warns, with its numbers, and is shown as it is.
"""

from collections.abc import Iterable

import dagster as dg

from c360_dagster.layers import SCIENCE
from c360_dagster.science.answers import Finding
from c360_dagster.science.standards import CHECKS


def specify_science_checks() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name=name, asset=[SCIENCE.name, table], description=description)
        for table, checks in CHECKS.items()
        for name, description in checks.items()
    ]


def report_findings(findings: Iterable[Finding]) -> list[dg.AssetCheckResult]:
    tables = {name: table for table, checks in CHECKS.items() for name in checks}
    return [
        dg.AssetCheckResult(
            asset_key=[SCIENCE.name, tables[finding.check]],
            check_name=finding.check,
            passed=finding.is_passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=finding.said,
            metadata=finding.numbers,
        )
        for finding in findings
    ]
