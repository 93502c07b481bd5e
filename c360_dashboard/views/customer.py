"""Customer: found by name, e-mail, phone or any id; then all that is known of this person."""

from html import escape
from typing import Any

import polars as pl
import streamlit as st

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.layout import Card
from c360_dashboard.page import Page
from c360_dashboard.privacy import MASK
from c360_dashboard.queries import customer
from c360_dashboard.views import meanings

NO_PURCHASE = "No purchase yet"
PLURALS = {
    "Order": "Orders",
    "Delivery": "Deliveries",
    "Ticket": "Tickets",
    "Campaign": "Campaigns",
    "Session": "Visits",
}


def draw(page: Page) -> None:
    text = st.text_input(
        "Search for a customer",
        key="q",
        bind="query-params",
        placeholder="Name, e-mail, phone or id",
        help=(
            "Any id the customer has or had: today's, a source system's, or one from before a "
            "merge."
        ),
        max_chars=200,
    )
    searched = (text or "").strip()
    wanted = st.query_params.get("id", "")
    if searched:
        _results(page, searched)
    elif wanted:
        _draw_customer(page, wanted)
    else:
        layout.note("Type a name, an e-mail, a phone number or an id, and press Enter.")


def _results(page: Page, text: str) -> None:
    found = page.ask(customer.search, text)
    if len(found) == 1:
        _draw_customer(page, found["customer_id"][0], searched=text)
        return
    layout.table(
        found,
        [
            layout.text(
                "customer_id",
                "Customer",
                link=lambda row: page.link_to_customer(row["customer_id"]),
            ),
            layout.text("name", "Name"),
            layout.text("email", "E-mail"),
            layout.text("city", "City"),
            layout.text("state", "State"),
            layout.text("persona", "Persona"),
            layout.number("total_orders", "Orders"),
            layout.amount("total_spent", "Spent", meanings.SPENT, page.currency),
            layout.text("last_order_date", "Last order"),
            layout.text("found_by", "Found by"),
        ],
        title="Customers found",
        file="customers-found",
        explanation=(
            f"Best matches first, at most {customer.MAX_FOUND}. Choose one to open the customer's "
            "page."
        ),
        empty=f"Nobody found for “{text}”. Try part of the name, or the whole id.",
    )


def _draw_customer(page: Page, wanted: str, searched: str = "") -> None:
    today = page.ask(customer.find_current_id, wanted)
    if today is None:
        layout.note(f"There is no customer with the id {wanted} in this snapshot.")
        return
    found = page.ask(customer.load, today)
    person = found.person
    st.html(f'<h2 class="c360-name">{escape(_title(person))}</h2>')
    former = searched or wanted
    if former.upper() != today.upper() and page.ask(customer.find_current_id, former) == today:
        layout.note(f"{former} is now {today}: two records turned out to be one person.")
    st.html(f'<p class="c360-fresh">{escape(_introduction(person))}</p>')
    if _has_only_returns(person):
        layout.note(
            "Only returns are known of this customer: the purchases are older than the data, or "
            "were recorded under another name or none."
        )
    _cards(page, person)
    left, right = st.columns(2, gap="large")
    with left:
        _profile(person)
        _suggestions(page, person, found)
    with right:
        _timeline(page, found.timeline)
    _spending(page, found.spending)
    _records(found)


def _title(person: dict[str, Any]) -> str:
    if person["name"] == MASK:
        return f"Customer {person['customer_id']}"
    return person["name"] or "Name unknown"


def _introduction(person: dict[str, Any]) -> str:
    known = "" if person["name"] == MASK else f"Customer {person['customer_id']}"
    persona = "Returns only" if _has_only_returns(person) else person["persona"]
    parts = [known, persona, person["rfm_segment"]]
    if person["loyalty_tier"]:
        parts.append(f"{person['loyalty_tier']} tier")
    if person["is_inferred"]:
        parts.append("known only from events")
    return " · ".join(part for part in dict.fromkeys(parts) if part)


def _cards(page: Page, person: dict[str, Any]) -> None:
    interval = (
        f" In four cases of five between {say.money(person['clv_12m_low'], page.currency)} and "
        f"{say.money(person['clv_12m_high'], page.currency)}."
        if person["clv_12m_low"] is not None
        else ""
    )
    if _has_only_returns(person):
        bought = [
            Card(
                "Returned",
                say.money(-person["total_spent"], page.currency, 2),
                "What was returned, with tax; no purchase is known.",
            ),
            Card("Returns", say.whole(person["total_orders"]), "Each counted once."),
        ]
    else:
        bought = [
            Card("Spent", say.money(person["total_spent"], page.currency), meanings.SPENT),
            Card("Orders", say.whole(person["total_orders"]), meanings.ORDERS),
        ]
    layout.cards(
        [
            *bought,
            Card(
                "Last return" if _has_only_returns(person) else "Last order",
                _ago(person["days_since_last_order"]),
                f"On {say.day(person['last_order_date'])}; counted up to the as-of day.",
            ),
            Card(
                "12-month value",
                say.money(person["clv_12m"], page.currency),
                meanings.CLV + interval,
            ),
            Card("Risk of leaving", say.percent(person["churn_risk"], 0), meanings.CHURN),
            Card(
                "Rating",
                f"{say.decimal(person['avg_satisfaction'])} of 5"
                if person["avg_satisfaction"]
                else say.NOTHING,
                meanings.SATISFACTION,
            ),
        ]
    )


def _profile(person: dict[str, Any]) -> None:
    layout.heading("Who this is")
    places = (person["city"], person["zip_code"], person["state"], person["country"])
    city = ", ".join(dict.fromkeys(str(place) for place in places if place))
    gender = {"F": "female", "M": "male", "O": "other"}.get(person["customer_gender"], "unknown")
    facts = [
        ("E-mail", person["email"]),
        ("Phone", person["phone"]),
        ("Born", _day_or_mask(person["date_of_birth"])),
        ("Address", person["address_line1"]),
        ("City", city),
        (
            "Gender",
            f"{gender} ({person['customer_gender_source']})" if gender != "unknown" else gender,
        ),
        ("Customer since", say.day(person["registered_at"])),
        ("Prefers", say.words(person["preferred_channel"])),
        ("Usual store", person["store_name"]),
        (
            "Marketing",
            {True: "agreed", False: "did not agree"}.get(person["marketing_consent"], "unknown"),
        ),
        ("Late parcels", say.whole(person["late_deliveries"])),
        ("Open tickets", say.whole(person["tickets_open"])),
        ("Visits, 90 days", say.whole(person["sessions_90d"])),
        ("Refunded orders", say.whole(person["orders_refunded"])),
        ("Cancelled orders", say.whole(person["orders_cancelled"])),
    ]
    st.html(layout.facts([(name, str(known or say.NOTHING)) for name, known in facts]))


def _suggestions(page: Page, person: dict[str, Any], found: customer.Customer) -> None:
    layout.heading(
        "What to offer next",
        "What customers with similar purchases bought, or best sellers if those predict as well.",
    )
    st.html(
        layout.facts(
            [
                ("Next best category", person["next_best_category"] or say.NOTHING),
                ("Favourite so far", person["favourite_category"] or say.NOTHING),
            ]
        )
    )
    layout.table(
        found.suggestions,
        [
            layout.text("product_name", "Product", is_long=True),
            layout.text("category", "Category"),
            layout.amount("price", "Price", "Today's price in the catalogue.", page.currency, 2),
        ],
        title="Products to suggest",
        file="suggestions",
        empty="There is nothing to suggest yet.",
    )
    layout.table(
        found.favourites,
        [
            layout.text("category", "Category"),
            layout.number("orders", "Orders"),
            layout.number("units", "Items"),
            layout.amount("revenue", "Spent", "Lines of completed orders.", page.currency),
            layout.text("last_bought_date", "Last bought"),
        ],
        title="Favourite categories",
        file="favourites",
        empty=(
            "No category is known of what was bought."
            if person["total_orders"] and not _has_only_returns(person)
            else "Nothing has been bought yet."
        ),
    )


def _timeline(page: Page, frame: pl.DataFrame) -> None:
    layout.heading(
        "What happened",
        f"The latest {customer.MAX_EVENTS} events of the chosen kinds, newest first. Nobody in a "
        "campaign's control group is written to, so that the campaign's effect can be measured.",
    )
    kinds = st.pills(
        "Show",
        customer.KINDS,
        selection_mode="multi",
        default=list(customer.KINDS),
        format_func=PLURALS.__getitem__,
        key="kinds",
        label_visibility="collapsed",
    )
    shown = frame.filter(pl.col("kind").is_in(kinds)).head(customer.MAX_EVENTS)
    if not len(shown):
        layout.note("There are no events of this kind." if kinds else "Choose what to show.")
        return
    st.html(_events(shown, page.currency))
    columns = [
        layout.text("day", "Day"),
        layout.text("kind", "What"),
        layout.text("what", "Details"),
        layout.amount(
            "amount",
            "Amount",
            "Orders: total with tax. Deliveries: shipping cost.",
            page.currency,
            2,
        ),
        layout.text("reference", "Reference"),
    ]
    layout.download(shown, columns, title="Timeline", file="timeline")


def _events(frame: pl.DataFrame, currency: str) -> str:
    items = []
    for event in frame.iter_rows(named=True):
        kind, amount = event["kind"], event["amount"]
        name = "shipping " if kind == "Delivery" else ""
        shown = say.money(amount, currency, 2)
        # If a line ended between a minus and its amount, the minus would look like a dash.
        tail = "" if amount is None else f' <span class="whole">· {name}{escape(shown)}</span>'
        items.append(
            f'<li><time datetime="{event["day"]}">{say.day(event["day"])}</time>'
            f'<span class="kind {kind.lower()}">{kind}</span>'
            f"<span>{escape(event['what'])}{tail}</span></li>"
        )
    return (
        '<div class="c360-scroll timeline" tabindex="0" role="region" aria-label="Timeline">'
        f'<ol class="c360">{"".join(items)}</ol></div>'
    )


def _spending(page: Page, frame: pl.DataFrame) -> None:
    if not len(frame):
        return
    layout.heading("Spend by month", meanings.REVENUE)
    layout.chart(
        charts.columns(
            frame,
            x="month",
            y="spent",
            y_title=say.in_currency("Spent", page.currency),
            y_format=charts.AMOUNT,
            unit="yearmonth",
        ),
        "What this customer spent in each month.",
    )


def _records(found: customer.Customer) -> None:
    layout.table(
        found.records,
        [
            layout.text("source_system", "System"),
            layout.text("source_id", "Id there"),
            layout.text("match_rule", "Why it is this person"),
            layout.share("match_probability", "Probability", meanings.PROBABILITY),
        ],
        title="From which records",
        file="records",
    )
    if len(found.merges):
        layout.table(
            found.merges,
            layout.merge_columns(),
            title="Merges and splits",
            file="merges",
        )
    layout.table(
        found.provenance.with_columns(field=pl.col("field").str.replace_all("_", " ")),
        [
            layout.text("field", "Field"),
            layout.text("value", "Value", is_long=True),
            layout.text("source_system", "From"),
            layout.text("source_id", "Id there"),
            layout.Column("rule", "Why this one", say.words),
            layout.text("losing_values", "Other records say", is_long=True),
        ],
        title="Where each value comes from",
        file="provenance",
        empty="No record of this person has any value.",
    )


def _has_only_returns(person: dict[str, Any]) -> bool:
    """Whether all completed orders gave money back, so that no purchase is known."""
    return person["persona"] == NO_PURCHASE and (person["total_spent"] or 0) < 0


def _ago(days: int | None) -> str:
    if days is None:
        return "never"
    return "today" if days == 0 else f"{days:,} day{'s' if days > 1 else ''} ago"


def _day_or_mask(value: Any) -> str | None:  # noqa: ANN401  a day, or its mask
    return value if value is None or isinstance(value, str) else say.day(value)
