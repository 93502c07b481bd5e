"""A measurement's figures, what they are compared with, and what was promised about them."""

from dataclasses import asdict, dataclass
from typing import Any

AT_MOST, AT_LEAST = "≤", "≥"


@dataclass(frozen=True)
class Promise:
    """A bound on one field of a figure."""

    field: str
    sign: str
    bound: float
    least_customers: int = 0
    most_customers: int = 1 << 62
    """Some promises hold only for the demo, others only for a million customers."""

    def is_about(self, customers: int) -> bool:
        return self.least_customers <= customers <= self.most_customers


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    customers: int
    name: str
    seconds: float | None = None
    cpu_seconds: float | None = None
    rows: int | None = None
    checksum: str | None = None
    megabytes: float | None = None
    against: str | None = None
    against_seconds: float | None = None
    against_cpu_seconds: float | None = None
    ratio: float | None = None
    """Ours divided by what it is compared with; for Faker, pandas and stock parts the inverse."""
    is_same: bool | None = None
    """Whether both sides made the same rows; None if there is nothing to compare."""

    @property
    def rows_a_second(self) -> float | None:
        return self.rows / self.seconds if self.rows is not None and self.seconds else None


DEMO, MIDDLE, MILLION = 5000, 100_000, 1_000_000

WHOLE, IMPORTS, NOTHING_NEW = "the whole command", "of which imports", "nothing new to load"
LANDING_TO_PUBLISHED, MEMORY, GROWTH = "landing to published", "peak memory", "growth"
STOCK, UI = "stock Dagster, dbt", "make ui"
PANDAS, PANDAS_CLEAN = "six marts", "six marts, clean"

PROMISES = {
    WHOLE: Promise("seconds", AT_MOST, 15, most_customers=DEMO),
    IMPORTS: Promise("seconds", AT_MOST, 6, most_customers=DEMO),
    NOTHING_NEW: Promise("seconds", AT_MOST, 8, most_customers=DEMO),
    STOCK: Promise("ratio", AT_LEAST, 8, most_customers=DEMO),
    UI: Promise("ratio", AT_MOST, 1.3),
    PANDAS: Promise("ratio", AT_LEAST, 10, MIDDLE),
    LANDING_TO_PUBLISHED: Promise("ratio", AT_MOST, 1.25, MILLION),
    MEMORY: Promise("megabytes", AT_MOST, 8192, MILLION),
    GROWTH: Promise("ratio", AT_MOST, 1, MILLION),
}


def judge(figure: Figure) -> bool | None:
    """Returns whether the promise is kept; None if nothing was promised for this size."""
    promise = PROMISES.get(figure.name)
    if promise is None or not promise.is_about(figure.customers):
        return None
    value = getattr(figure, promise.field)
    if value is None:
        return None
    kept: bool = value <= promise.bound if promise.sign == AT_MOST else value >= promise.bound
    return kept


def describe(figure: Figure) -> dict[str, Any]:
    """Returns the figure as results.json has it: rounded, without unknown values, with promise."""
    described = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in asdict(figure).items()
        if value is not None
    }
    promise, kept = PROMISES.get(figure.name), judge(figure)
    if promise and kept is not None:
        described["promise"] = f"{promise.field} {promise.sign} {promise.bound:g}"
        described["is_kept"] = kept
    return described


def complain(figures: list[Figure]) -> list[str]:
    """Returns a sentence for every promise that is broken and every result that differs."""
    complaints = []
    for figure in figures:
        where = f"{figure.customers:,} customers, {figure.name}"
        if figure.is_same is False:
            complaints.append(f"{where}: the rows differ from those of {figure.against}.")
        promise = PROMISES.get(figure.name)
        if promise and judge(figure) is False:
            value = getattr(figure, promise.field)
            complaints.append(
                f"{where}: {promise.field} {value:,.2f}, promised {promise.sign} {promise.bound:g}."
            )
    return complaints
