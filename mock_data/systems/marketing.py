"""The campaigns and the people whom they were sent to: landing/marketing.

behaviour.py decides who is treated and what effect that has.
"""

import numpy as np
import polars as pl

from mock_data.batch import Batch, Rows
from mock_data.behaviour import draw_contacts, plan_campaigns
from mock_data.draws import scramble
from mock_data.text import days, ids, moments, money, words
from mock_data.world import World

CHANNELS = ("email", "sms", "push", "mail")
THEMES = ("Fresh Start", "Spring Edit", "Member Days", "Summer Sale", "Back in Town",
          "Autumn Looks", "Early Gifts", "Winter Warmers", "Thank You")  # fmt: skip


def campaign_ids(numbers: np.ndarray) -> pl.Series:
    return ids("CMP", 1001 + numbers)


def build_campaigns(world: World, after: int, end: int) -> pl.DataFrame:
    planned = [c for c in plan_campaigns(world, end) if c.start > after]
    number = np.array([c.number for c in planned], dtype=np.int64)
    start = np.array([c.start for c in planned], dtype=np.int64)
    budget = world.customers * 12 + world.draws.integers("budget", 50_000, 250_000, number)
    themes = words(THEMES, number % len(THEMES))
    return pl.DataFrame({
        "campaign_id": campaign_ids(number),
        "campaign_name": themes + " " + ids("", 1 + number),
        "channel": words(CHANNELS, np.array([c.channel for c in planned], dtype=np.int64)),
        "start_date": days(world.start, start),
        "end_date": days(world.start, np.array([c.end for c in planned], dtype=np.int64)),
        "budget": money(budget),
    })  # fmt: skip


def build_marketing_tables(batch: Batch) -> dict[str, Rows]:
    """Returns contacts in the window, and older ones that were opened or clicked in it."""
    world, people = batch.world, batch.people
    parts = []
    for campaign in plan_campaigns(world, batch.end):
        if campaign.start + 6 <= batch.after:
            continue
        row, treated = draw_contacts(world, people, campaign)
        key = people.index[row] * 4096 + campaign.number
        parts.append((row, treated, key, *(np.full(len(row), value) for value in (
            campaign.number, campaign.start, campaign.channel))))  # fmt: skip
    if not parts:
        parts = [tuple(np.zeros(0, dtype=np.int64) for _ in range(6))]
    row, treated, key, number, start, channel = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    treated = treated.astype(bool)
    draws = world.draws
    sent = start * 86_400 + draws.integers("sent", 32_400, 39_600, key)
    opens = treated & (draws.uniform("opens", key) < np.array([0.42, 0.7, 0.3, 0.0])[channel])
    opened = sent + 120 + (draws.exponential("opened", key) * 40_000).astype(np.int64) % 250_000
    clicks = opens & (draws.uniform("clicks", key) < 0.3)
    clicked = opened + draws.integers("clicked", 5, 900, key)
    shown = batch.in_window(sent // 86_400)
    shown |= opens & batch.in_window(opened // 86_400) | clicks & batch.in_window(clicked // 86_400)
    at = np.flatnonzero(shown)
    unopened = ~opens[at] | (opened[at] // 86_400 > batch.end)
    unclicked = ~clicks[at] | (clicked[at] // 86_400 > batch.end)
    frame = pl.DataFrame({
        "contact_id": ids("CC", scramble(key[at], 36)),
        "campaign_id": campaign_ids(number[at]),
        "customer_id": ids("C", people.crm_id()[row[at]]),
        "group": words(("control", "treatment"), treated[at]),
        "sent_at": moments(world.start, sent[at] // 86_400, sent[at] % 86_400),
        "opened_at": moments(world.start, opened[at] // 86_400, opened[at] % 86_400, unopened),
        "clicked_at": moments(world.start, clicked[at] // 86_400, clicked[at] % 86_400, unclicked),
    })  # fmt: skip
    return {"campaign_contacts": (frame, key[at])}
