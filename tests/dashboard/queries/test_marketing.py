"""Whether campaigns worked, and who may be written to."""

from pathlib import Path

from c360_dashboard.queries import marketing, segments
from c360_dashboard.snapshot import Reader
from tests.dashboard.queries.chosen import chosen, pairs
from tests.dashboard.small_snapshot import open_snapshot, rows


def test_a_campaigns_verdict_follows_from_its_interval(reader: Reader) -> None:
    found = marketing.load(reader, chosen())
    assert pairs(found.campaigns, "campaign_id", "verdict") == {
        "CMP1": "clear gain",
        "CMP2": "no clear effect",
    }
    assert found.totals["roi"] == 2


def test_the_return_counts_campaigns_with_a_known_effect_and_cost(tmp_path: Path) -> None:
    """One campaign has no control group and one no budget; 300 for 100 is still a return of 2."""
    sent = rows()
    (campaign, *_) = sent["marketing_effectiveness"]
    sent["marketing_effectiveness"] = [
        campaign,
        campaign | {"campaign_id": "CMP2", "incremental_revenue": None, "lift_low": None},
        campaign | {"campaign_id": "CMP3", "incremental_revenue": 900, "cost": None},
    ]
    with open_snapshot(tmp_path, sent) as opened:
        totals = marketing.load(opened, chosen()).totals
    assert (totals["roi"], totals["cost"], totals["incremental_revenue"]) == (2, 200, 1200)


def test_customers_never_asked_have_not_agreed(reader: Reader) -> None:
    agreed = {"Engaged Regulars": 1, "Premium but At-Risk": 1, "No purchase yet": 0}
    assert pairs(marketing.load(reader, chosen()).consent, "persona", "consent") == agreed
    assert pairs(segments.load(reader, chosen()).personas, "segment", "consent") == agreed
