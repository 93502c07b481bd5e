"""What the filters offer."""

from c360_dashboard.queries import choices
from c360_dashboard.snapshot import Reader


def test_the_filters_offer_what_the_data_hold(reader: Reader) -> None:
    found = choices.load(reader)
    assert found.channels == ("online", "store")
    assert found.regions == ("Austria", "CA", "NY", "TX")
    assert found.personas == ("Engaged Regulars", "Premium but At-Risk", "No purchase yet")
    assert found.currency == "USD"
