"""Service and deliveries: do parcels come in time, are people helped, do visitors buy?"""

import polars as pl

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.layout import Card
from c360_dashboard.page import Page
from c360_dashboard.queries import service
from c360_dashboard.views import meanings


def draw(page: Page) -> None:
    found = page.ask(service.load, page.filters)
    for missing in (name for name, count in found.known.items() if not count):
        layout.note(f"The data hold no {missing}.")
    _cards(found)
    if found.known["parcels"]:
        if found.parcels["parcels"]:
            _on_time(found.on_time)
        _parcels(page, found.carriers, "Carrier", "Carriers", "carriers")
        _parcels(page, found.origins, "From", "Warehouses", "warehouses")
    if found.known["tickets"]:
        _tickets(found.categories, "About", "Tickets by subject", "tickets-by-subject")
        _tickets(found.channels, "Channel", "Tickets by channel", "tickets-by-channel")
    if found.known["visitors"]:
        _visits(found.visits)


def _cards(found: service.Service) -> None:
    parcels, tickets = found.parcels, found.tickets
    shown = []
    if found.known["parcels"]:
        shown += [
            Card("On time", say.percent(parcels["on_time_rate"]), meanings.ON_TIME),
            Card("Parcels", say.whole(parcels["parcels"]), "Sent in these days."),
            Card(
                "Days to deliver",
                say.decimal(parcels["delivery_days"]),
                "From sending to arrival, on average, of those that arrived.",
            ),
        ]
    if found.known["tickets"]:
        shown += [
            Card("Tickets", say.whole(tickets["tickets"]), "Opened in these days."),
            Card("Hours to resolve", say.decimal(tickets["resolution_hours"]), meanings.RESOLUTION),
            Card(
                "Rating",
                f"{say.decimal(tickets['satisfaction'], 2)} of 5"
                if tickets["answers"]
                else say.NOTHING,
                f"{meanings.SATISFACTION} {say.whole(tickets['answers'])} answered.",
            ),
        ]
    if shown:
        layout.cards(shown)


def _on_time(frame: pl.DataFrame) -> None:
    layout.heading(
        "Parcels on time, by week of sending",
        f"{meanings.ON_TIME} Weeks are counted back from the as-of day, and each is shown at its "
        "last day. Weeks with many parcels still on their way are left out.",
    )
    if not len(frame):
        layout.note(
            "It is not known yet for any whole week in these days how many parcels arrived on time."
        )
        return
    layout.chart(
        charts.over_time(
            frame,
            x="step",
            y="on_time_rate",
            series="series",
            order=["on time"],
            y_format=".0%",
            y_title="On time",
            grain="week",
            is_from_zero=False,
        ),
        "Share of parcels on time, by the week in which they were sent.",
    )


def _parcels(page: Page, frame: pl.DataFrame, what: str, title: str, file: str) -> None:
    layout.table(
        frame,
        [
            layout.text("what", what),
            layout.number("parcels", "Parcels"),
            layout.share("on_time_rate", "On time", meanings.ON_TIME),
            layout.number("delivery_days", "Days", "To deliver, on average.", say.decimal),
            layout.amount("shipping_cost", "Cost", "Average per parcel.", page.currency, 2),
            layout.number("lost", "Lost"),
            layout.number("returned", "Sent back"),
        ],
        title=title,
        file=file,
        empty="No parcels match these filters.",
    )


def _tickets(frame: pl.DataFrame, what: str, title: str, file: str) -> None:
    layout.table(
        frame,
        [
            layout.Column("what", what, say.words),
            layout.number("tickets", "Tickets"),
            layout.number("still_open", "Open", "Not resolved on the as-of day."),
            layout.number("resolution_hours", "Hours to resolve", meanings.RESOLUTION, say.decimal),
            layout.number(
                "satisfaction",
                "Rating",
                meanings.SATISFACTION,
                lambda value: say.decimal(value, 2),
            ),
            layout.number("answers", "Answers", "Tickets whose customer rated the help."),
        ],
        title=title,
        file=file,
        empty="No tickets match these filters.",
    )


def _visits(frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.Column("location", "Where", say.words),
            layout.Column("channel", "Channel", say.words),
            layout.number("arrivals", "Visitors", "Counted at the doors, and visits online."),
            layout.number(
                "orders",
                "Orders",
                "Completed orders there. The second system's are not among them: nobody counts who "
                "visits it.",
            ),
            layout.share("conversion_rate", "Bought", "Orders per visitor."),
            layout.number(
                "peak_hour", "Busiest hour", "Most often, of the day.", lambda hour: f"{hour}:00"
            ),
        ],
        title="Visitors and buyers",
        file="visitors",
        explanation="For all customers: visitors are not known by name.",
        empty="No visitors match these filters.",
    )
