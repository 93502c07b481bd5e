"""What was published, and how complete and consistent it is."""

from c360_dashboard.queries import health
from c360_dashboard.snapshot import Reader
from tests.dashboard.queries.chosen import pairs


def test_health_tells_what_was_published(reader: Reader) -> None:
    found = health.load(reader)
    assert (found.published["run_id"], found.published["records"]) == ("run-one", 4)
    assert pairs(found.reconciliation, "check_name", "share") == {"order total vs its parts": 0.25}
    assert pairs(found.known_fields, "what", "known")["E-mail"] == 2
    later = pairs(found.future, "table_name", "later")
    assert (later["fct_orders"], later["fct_campaign_contacts"]) == (1, 2)
