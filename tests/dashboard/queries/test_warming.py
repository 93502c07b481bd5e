"""While the server starts, it already works out what the first page shows."""

from pathlib import Path

import pytest

from c360_dagster.settings import read_settings
from c360_dashboard import warming
from c360_dashboard.filters import DEFAULT_PERIOD, Filters, read_period
from c360_dashboard.queries import choices, overview
from c360_dashboard.snapshot import ask, find_snapshot, read_publication
from tests.dashboard.small_snapshot import AS_OF


def test_the_first_pages_questions_are_answered_beforehand(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings({"C360_HOME": str(published.parent)})
    warming.warm(settings)
    found = find_snapshot(settings.published, shows_personal_data=settings.show_pii)
    monkeypatch.setattr("c360_dashboard.snapshot.Snapshot.open", None)  # no further look is allowed
    first = read_publication(found).first_order
    usual = Filters(read_period(DEFAULT_PERIOD, AS_OF, first))
    assert ask(found, overview.load, usual).totals["orders"] == 4
    assert ask(found, choices.load).currency == "USD"


def test_a_server_without_a_snapshot_starts_all_the_same(tmp_path: Path) -> None:
    warming.warm(read_settings({"C360_HOME": str(tmp_path)}))
