"""The pages in the order of the menu, with the filters that apply to each."""

from collections.abc import Callable
from dataclasses import dataclass

from c360_dashboard.page import Page
from c360_dashboard.views import (
    audiences,
    customer,
    health,
    marketing,
    overview,
    products,
    segments,
    service,
    value,
)


@dataclass(frozen=True)
class View:
    title: str
    address: str
    draw: Callable[[Page], None]
    filters: tuple[str, ...] = ()


PERIOD, CHANNEL, REGION, PERSONA = "period", "channel", "region", "persona"
VIEWS = [
    View("Overview", "overview", overview.draw, (PERIOD, CHANNEL, REGION, PERSONA)),
    View("Segments", "segments", segments.draw, (REGION, PERSONA)),
    View("Value and churn", "value", value.draw, (REGION, PERSONA)),
    View("Customer", "customer", customer.draw),
    View("Products and affinity", "products", products.draw, (PERIOD, CHANNEL, REGION, PERSONA)),
    View("Service and deliveries", "service", service.draw, (PERIOD, REGION, PERSONA)),
    View("Marketing", "marketing", marketing.draw, (PERSONA,)),
    View("Audiences", "audiences", audiences.draw),
    View("Data health", "health", health.draw),
]
