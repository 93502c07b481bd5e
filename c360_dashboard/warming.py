"""Does what the first visitor would have to wait for, in a thread, while the server starts.

Importing what draws charts takes as long as the first page's queries. Whatever fails here fails
again, and is reported, when somebody asks for the page.
"""

import importlib
from threading import Thread

from c360_dagster.settings import Settings
from c360_dashboard.filters import DEFAULT_PERIOD, Filters, read_period
from c360_dashboard.queries import choices, overview
from c360_dashboard.snapshot import SnapshotError, ask, find_snapshot, read_publication

# Streamlit imports these when the first chart is drawn.
NEEDED_BY_CHARTS = ("pandas", "pyarrow")


def start(settings: Settings) -> None:
    Thread(target=warm, args=[settings], name="warming", daemon=True).start()


def warm(settings: Settings) -> None:
    """Runs the first page's queries just as the page will, so that their answers are kept, and
    imports what draws charts."""
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
