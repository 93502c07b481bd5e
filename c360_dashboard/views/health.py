"""Data health: what was published, whether the systems agree, and how records became people."""

import polars as pl

from c360_dashboard import format as say
from c360_dashboard import layout
from c360_dashboard.layout import Card
from c360_dashboard.page import Page
from c360_dashboard.queries import health
from c360_dashboard.views import meanings


def draw(page: Page) -> None:
    found = page.ask(health.load)
    published = found.published
    differing = found.reconciliation.filter(pl.col("differing") > 0).height
    layout.cards(
        [
            Card("Customers", say.whole(published["customers"]), "People, each counted once."),
            Card("Records", say.whole(published["records"]), "From all systems, before matching."),
            Card("Orders", say.whole(published["orders"]), "Of every status."),
            Card("Order lines", say.whole(published["order_lines"]), "Of every status."),
            Card(
                "To decide",
                say.whole(len(found.review)),
                "Pairs of records that a person should review.",
            ),
            Card(
                "Disagreements",
                f"{differing} of {found.reconciliation.height}",
                "Comparisons between systems in which anything differs.",
            ),
        ]
    )
    layout.note(
        f"Run {published['run_id']} published this on {say.moment(published['published_at'])}. "
        "For each run's log, its checks and the rejected rows, look in Dagster: type `make ui`."
    )
    _reconciliation(page, found.reconciliation)
    _identity(found)
    _known_fields(found.known_fields)
    _tables(found)


def _reconciliation(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("check_name", "What is compared", is_long=True),
            layout.number("compared", "Compared", "How many could be compared."),
            layout.number("differing", "Differing"),
            layout.share("share", "Share"),
            layout.amount("largest_difference", "Largest difference", "", page.currency, 2),
        ],
        title="Do the systems agree?",
        file="reconciliation",
    )


def _identity(found: health.Health) -> None:
    layout.table(
        found.rules,
        [
            layout.Column("rule", "Why", say.words),
            layout.number("records", "Records"),
            layout.number("customers", "People"),
            layout.share("least_probability", "Least probability", meanings.PROBABILITY),
        ],
        title="How records became people",
        file="identity-rules",
    )
    layout.table(
        found.review,
        [
            layout.text("left_record", "One record"),
            layout.text("right_record", "Another record"),
            layout.text("reason", "Why it is doubtful"),
            layout.share("match_probability", "Probability", meanings.PROBABILITY),
            layout.text("suggestion", "What to do", is_long=True),
        ],
        title="Pairs for a person to decide",
        file="identity-review",
        explanation="Decisions go into c360_dagster/identity/decisions.csv.",
        empty="No pair of records waits for a decision.",
    )
    layout.table(
        found.merges,
        layout.merge_columns(),
        title="Merges and splits",
        file="merges",
        explanation="The latest 50. An old id still leads to the person.",
        empty="No customer was merged or split since the first run.",
    )


def _known_fields(frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("what", "Field"),
            layout.number("known", "Known", "Customers for whom it is known."),
            layout.share("share", "Share"),
        ],
        title="How much is known of customers",
        file="known-fields",
    )


def _tables(found: health.Health) -> None:
    layout.table(
        found.future,
        [
            layout.text("table_name", "Table"),
            layout.number("later", "After the as-of day", "Kept, but not counted anywhere."),
            layout.number("rows", "Rows"),
        ],
        title="Events dated too late",
        file="future-events",
        explanation="A mistyped year, or a C360_AS_OF before the latest events.",
    )
    layout.table(
        found.tables,
        [
            layout.text("table_name", "Table"),
            layout.number("rows", "Rows", "As the database estimates it."),
            layout.number("columns", "Columns"),
        ],
        title="What the snapshot holds",
        file="tables",
    )
