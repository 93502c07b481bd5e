"""Does what the first visitor would wait for while the server starts, in a thread beside it.

Importing the charts takes as long as the first page's queries; whatever fails here fails again, and
is reported, when somebody asks for the page.
"""

import importlib
from threading import Thread

from c360_dagster.settings import Settings
from c360_dashboard.filters import DEFAULT_PERIOD, Filters, read_period
from c360_dashboard.queries import choices, overview
from c360_dashboard.snapshot import SnapshotError, ask, find_snapshot, read_publication

# Streamlit takes them up when the first chart is drawn.
NEEDED_BY_CHARTS = ("pandas", "pyarrow")


def start(settings: Settings) -> None:
    Thread(target=warm, args=[settings], name="warming", daemon=True).start()


def warm(settings: Settings) -> None:
    """Answers the first page's questions, as the page will ask them, and imports what draws it."""
    try:
        snapshot = find_snapshot(settings.published, shows_personal_data=settings.show_pii)
        publication = read_publication(snapshot)
        span = read_period(DEFAULT_PERIOD, publication.as_of, publication.first_order)
        ask(snapshot, choices.load)
        ask(snapshot, overview.load, Filters(span))
    except SnapshotError:
        pass
    for module in NEEDED_BY_CHARTS:
        importlib.import_module(module)
