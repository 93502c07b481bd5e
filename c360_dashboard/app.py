"""The application that Streamlit runs: the pages, the filters that all of them share, freshness."""

from datetime import datetime

import streamlit as st

from c360_dagster.settings import Settings, SettingsError, read_settings
from c360_dashboard import format as say
from c360_dashboard import layout
from c360_dashboard.contents import CHANNEL, PERIOD, PERSONA, REGION, VIEWS, View
from c360_dashboard.filters import DEFAULT_PERIOD, PERIODS, Filters, read_period
from c360_dashboard.page import Page
from c360_dashboard.queries import choices
from c360_dashboard.snapshot import (
    Publication,
    Snapshot,
    SnapshotError,
    ask,
    find_snapshot,
    read_publication,
)

CHECK_EVERY = "2s"


def main() -> None:
    pages = {
        view.address: st.Page(
            lambda: None,
            title=view.title,
            url_path=view.address,
            default=index == 0,
        )
        for index, view in enumerate(VIEWS)
    }
    chosen = st.navigation(list(pages.values()))
    view = next(view for view in VIEWS if pages[view.address] is chosen)
    st.set_page_config(page_title=f"{view.title} · Customer 360", page_icon="🛍️", layout="wide")
    st.html(layout.STYLE)
    st.title(view.title, anchor=False)
    snapshot = None
    try:
        settings = read_settings()
        snapshot = find_snapshot(settings.published, shows_personal_data=settings.show_pii)
        _draw(view, settings, snapshot)
    except (SettingsError, SnapshotError) as problem:
        st.warning(_escape_markdown(str(problem)), icon=":material/info:")
        _rerun_when_republished(snapshot)


def _draw(view: View, settings: Settings, snapshot: Snapshot) -> None:
    publication = read_publication(snapshot)
    st.session_state[layout.AS_OF] = publication.as_of
    offered = ask(snapshot, choices.load)
    unavailable = _find_unavailable(offered)
    filters, address = _draw_filters(view, publication, offered)
    _show_freshness(view, publication, filters, settings.now(), is_masked=not settings.show_pii)
    if unavailable:
        layout.note(
            f"The address asks for {' and '.join(unavailable)}, which these data do not have."
        )
    _rerun_when_republished(snapshot)
    view.draw(Page(snapshot, publication, offered, filters, address))


def _find_unavailable(offered: choices.Choices) -> list[str]:
    """Returns what the address names but nobody can choose today, because the address is from
    another day, for example. Streamlit drops it without a word."""
    known = {
        CHANNEL: set(map(say.words, offered.channels)),
        REGION: set(offered.regions),
        PERSONA: set(offered.personas),
    }
    return [
        f"{name} “{value}”"
        for name, values in known.items()
        for value in st.query_params.get_all(name)
        if value not in values
    ]


def _draw_filters(
    view: View, publication: Publication, offered: choices.Choices
) -> tuple[Filters, tuple[tuple[str, str], ...]]:
    """Draws the filters. Returns what was chosen, and the same as it stands in the address, so that
    every link and every page keeps it."""
    with st.sidebar:
        st.header("Filters", anchor=False)
        period = st.selectbox(
            "Period",
            list(PERIODS),
            list(PERIODS).index(DEFAULT_PERIOD),
            PERIODS.__getitem__,
            key=PERIOD,
            disabled=PERIOD not in view.filters,
            bind="query-params",
            help="Ends on the as-of day.",
        )
        channels = st.multiselect(
            "Channel",
            offered.channels,
            format_func=say.words,
            key=CHANNEL,
            disabled=CHANNEL not in view.filters,
            bind="query-params",
            placeholder="All",
        )
        regions = st.multiselect(
            "Region",
            offered.regions,
            key=REGION,
            disabled=REGION not in view.filters,
            bind="query-params",
            placeholder="All",
            help=(
                "The customer's state; if none is known, the state of the order's store, or else "
                "the customer's country."
            ),
        )
        personas = st.multiselect(
            "Persona",
            offered.personas,
            key=PERSONA,
            disabled=PERSONA not in view.filters,
            bind="query-params",
            placeholder="All",
        )
    span = read_period(period, publication.as_of, publication.first_order)
    filters = Filters(span, tuple(channels), tuple(regions), tuple(personas))
    address = [(PERIOD, PERIODS[period])] if period != DEFAULT_PERIOD else []
    for name, values in (
        (CHANNEL, map(say.words, channels)),
        (REGION, regions),
        (PERSONA, personas),
    ):
        address += [(name, value) for value in values]
    return filters, tuple(address)


def _show_freshness(
    view: View, publication: Publication, filters: Filters, now: datetime, *, is_masked: bool
) -> None:
    published = publication.published_at
    sentences = [
        f"As of {say.day(publication.as_of)}",
        f"published {say.age(published, now)} ({say.moment(published)})",
    ]
    if PERIOD in view.filters:
        sentences.append(f"showing {say.day(filters.span.start)} – {say.day(filters.span.end)}")
    if is_masked:
        sentences.append("personal data masked")
    st.html(f'<p class="c360-fresh" data-testid="freshness">{" · ".join(sentences)}</p>')
    chosen = {CHANNEL: filters.channels, REGION: filters.regions, PERSONA: filters.personas}
    ignored = [name for name, values in chosen.items() if values and name not in view.filters]
    if ignored:
        layout.note(f"This page is not filtered by {' and '.join(ignored)}.")


@st.fragment(run_every=CHECK_EVERY)
def _rerun_when_republished(seen: Snapshot | None) -> None:
    """Draws nothing; runs the page again once another snapshot has taken the file's place."""
    try:
        settings = read_settings()
        found = find_snapshot(settings.published, shows_personal_data=settings.show_pii)
    except (SettingsError, SnapshotError):
        return
    if found != seen:
        st.rerun()


def _escape_markdown(sentence: str) -> str:
    """Escapes one of our sentences for Streamlit's Markdown: only backticks keep their meaning."""
    return (
        sentence.replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_").replace("$", "\\$")
    )


main()
