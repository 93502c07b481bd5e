"""What a page is given: the snapshot, its publication, the choices, and what the reader chose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from c360_dashboard.filters import Filters
from c360_dashboard.queries.choices import Choices
from c360_dashboard.snapshot import Publication, Snapshot, ask

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    snapshot: Snapshot
    publication: Publication
    choices: Choices
    filters: Filters
    # The filters as they stand in the address, so that links can keep them.
    address: tuple[tuple[str, str], ...]

    @property
    def currency(self) -> str:
        return self.choices.currency

    def ask(self, query: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401  passed on
        return ask(self.snapshot, query, *arguments)

    def link_to_customer(self, customer_id: str) -> str:
        return "customer?" + urlencode([("id", customer_id), *self.address])
