"""The data types of a day's report: SQL fills them, a page shows them, JSON keeps some of them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
YEAR = timedelta(weeks=52)
"""52 weeks, so that a day is compared with the same weekday of last year."""
SHOWN_DAYS = 90
LEAST_RISK = 0.3
"""The churn risk from which on a customer is listed as one who may leave."""


@dataclass(frozen=True)
class Sales:
    """Completed orders of a day: revenue before tax, after discounts, returns subtracted."""

    revenue: Decimal = Decimal(0)
    orders: int = 0
    customers: int = 0

    @property
    def order_value(self) -> Decimal | None:
        return self.revenue / self.orders if self.orders else None


@dataclass(frozen=True)
class Part:
    """Revenue of a channel or region: the day, its week, the week before, and that of last year."""

    name: str
    day: Decimal
    week: Decimal
    week_before: Decimal
    year_before: Decimal


@dataclass(frozen=True)
class Persona:
    name: str
    customers: int
    revenue: Decimal
    """In the days that the chart shows."""
    churn_risk: float | None


@dataclass(frozen=True)
class Move:
    before: str
    after: str
    customers: int


@dataclass(frozen=True)
class Leaving:
    """A valuable customer who may leave, by id alone."""

    customer_id: str
    persona: str | None
    clv_12m: Decimal
    churn_risk: float
    days_silent: int | None
    late_deliveries: int
    tickets_open: int


@dataclass(frozen=True)
class Service:
    due: int
    """Parcels promised for the last seven days if it is known whether they were late."""
    due_late: int
    due_before: int
    due_late_before: int
    overdue: int
    tickets_open: int
    tickets_urgent: int
    tickets_opened: int
    tickets_resolved: int
    oldest_open: date | None


@dataclass(frozen=True)
class Difference:
    """Two sources that should agree and do not."""

    name: str
    compared: int
    differing: int
    largest: Decimal | None


@dataclass(frozen=True)
class Health:
    rows_loaded: int
    rows_rejected: int
    cells_unreadable: int
    refused: tuple[str, ...]
    checks: tuple[str, ...]
    """What each check that did not pass found, in a sentence."""
    differences: tuple[Difference, ...]
    to_decide: int


@dataclass(frozen=True)
class Facts:
    as_of: date
    published_at: datetime | None
    run_id: str
    currency: str
    first_day: date | None
    """The first day with an order; nothing is compared with earlier days."""
    sales: dict[date, Sales]
    customers: int
    joined: int
    first_buyers: int
    channels: tuple[Part, ...]
    regions: tuple[Part, ...]
    personas: tuple[Persona, ...]
    moved_in: str | None
    """The month of the moves; None if no history of segments is kept."""
    moves: tuple[Move, ...]
    leaving: tuple[Leaving, ...]
    value_at_risk: Decimal
    merges: dict[date, int]
    service: Service
    health: Health

    def sold(self, day: date) -> Sales | None:
        """Returns a day's sales; None if the data do not reach to that day."""
        if self.first_day is None or not self.first_day <= day <= self.as_of:
            return None
        return self.sales.get(day, Sales())

    @property
    def shown(self) -> list[date]:
        days = [self.as_of - DAY * back for back in range(SHOWN_DAYS - 1, -1, -1)]
        return [day for day in days if self.sold(day) is not None]


@dataclass(frozen=True)
class ReportFigures:
    """A report's figures, for the next one to compare with; kept beside the page as JSON."""

    as_of: date
    sales: dict[date, Sales]
    customers: int
    personas: dict[str, int]
    leaving: tuple[str, ...]
    tickets_open: int
    rows_rejected: int


def take_figures(facts: Facts) -> ReportFigures:
    return ReportFigures(
        facts.as_of,
        {day: facts.sales.get(day, Sales()) for day in facts.shown},
        facts.customers,
        {persona.name: persona.customers for persona in facts.personas},
        tuple(each.customer_id for each in facts.leaving),
        facts.service.tickets_open,
        facts.health.rows_rejected,
    )
