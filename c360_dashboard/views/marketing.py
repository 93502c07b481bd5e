"""Marketing: what campaigns changed, against the customers who were left out on purpose."""

from typing import Any

import polars as pl

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.layout import Card, Column
from c360_dashboard.page import Page
from c360_dashboard.queries import marketing
from c360_dashboard.views import meanings


def draw(page: Page) -> None:
    found = page.ask(marketing.load, page.filters)
    if len(found.campaigns):
        if page.filters.personas:
            layout.note(
                "Figures of whole campaigns are for all personas; only the tables by persona are "
                "filtered."
            )
        _cards(page, found.totals)
        _effects(found.campaigns)
        _campaigns(page, found.campaigns)
        _by_persona(page, found.by_persona)
    else:
        layout.note("There are no campaigns in the data.")
    _consent(found.consent)


def _cards(page: Page, totals: dict[str, Any]) -> None:
    layout.cards(
        [
            Card("Campaigns", say.whole(totals["campaigns"]), "Those that have ended."),
            Card(
                "Contacts",
                say.whole(totals["contacts"]),
                "Customers who were written to, summed over all campaigns.",
            ),
            Card("Cost", say.short_money(totals["cost"], page.currency), "What they cost."),
            Card(
                "Extra revenue",
                say.short_money(totals["incremental_revenue"], page.currency),
                "Revenue beyond what the control groups suggest.",
            ),
            Card(
                "Return",
                say.percent(totals["roi"], 0),
                "Extra revenue less cost, divided by cost, for campaigns that have both.",
            ),
            Card(
                "Clear gains",
                f"{totals['clear_gains']} of {totals['campaigns']}",
                "Campaigns whose 95 % interval lies above zero.",
            ),
        ]
    )


def _effects(frame: pl.DataFrame) -> None:
    known = frame.filter(pl.col("lift_low").is_not_null())
    if not len(known):
        return
    layout.heading("What each campaign changed", meanings.EFFECT)
    layout.chart(
        charts.intervals(
            known,
            y="campaign",
            middle="lift",
            low="lift_low",
            high="lift_high",
            x_format="+,.0%",
            x_title="Effect, 95 % interval",
        ),
        "Effect of each campaign with its 95 % interval; the table below has the numbers.",
    )


def _columns(page: Page) -> list[Column]:
    return [
        layout.text(
            "verdict", "Verdict", "Whether the 95 % interval of the effect leaves out zero."
        ),
        layout.number("lift", "Effect", meanings.EFFECT, _signed),
        layout.number("lift_low", "From", "Lower end of the 95 % interval.", _signed),
        layout.number("lift_high", "To", "Upper end of the 95 % interval.", _signed),
        layout.number("contacts", "Contacts", "Customers who were written to."),
        layout.number("control_contacts", "Control", "Customers who were left out on purpose."),
        layout.share("open_rate", "Opened"),
        layout.share("click_rate", "Clicked"),
        layout.share("conversion", "Bought", "Of those who were written to."),
        layout.share("control_conversion", "Control bought"),
        layout.amount(
            "incremental_revenue",
            "Extra revenue",
            "Beyond what the control group suggests.",
            page.currency,
        ),
        layout.amount("cost", "Cost", "", page.currency),
        layout.number(
            "roi",
            "Return",
            "Extra revenue less cost, divided by cost.",
            lambda value: say.percent(value, 0),
        ),
    ]


def _campaigns(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("campaign", "Campaign"),
            layout.text("campaign_id", "Id"),
            layout.text("channel", "By"),
            *_columns(page),
        ],
        title="Campaigns",
        file="campaigns",
    )


def _by_persona(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("campaign", "Campaign"),
            layout.text("persona", "Persona"),
            *_columns(page),
        ],
        title="Campaigns by persona",
        file="campaigns-by-persona",
        explanation="Small groups say little: look at the interval before the effect.",
        empty="No campaign reached these personas.",
    )


def _consent(frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("persona", "Persona"),
            layout.number("customers", "Customers"),
            layout.number("reachable", "May be written to", meanings.CONSENT),
            layout.share("consent", "Share", "Of all customers: no answer is not a yes."),
        ],
        title="Who may be written to",
        file="consent",
    )


def _signed(value: float) -> str:
    return f"{value * 100:+,.0f} %".replace("-", "−")
