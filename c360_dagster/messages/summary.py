"""The last lines of a run: what was loaded, what was not and why, and where to look."""

from pathlib import Path

import duckdb

from c360_dagster.loading.files import name_files
from c360_dagster.loading.load_log import HELD_LOADS, LATEST_LOG_ROWS
from c360_dagster.loading.unknown_files import explain_unknown_file, find_unknown_files
from c360_dagster.settings import Settings
from c360_dagster.sql import count_rows, fetch_row, quote
from c360_dagster.words import count
from landing_contract import read_contract

LONGEST_LIST = 20
STATUS_PREFIXES = {"loaded": "In doubt", "refused": "Not loaded"}
"""A file's last status in the log, and how the message about the file begins here."""
COUNT_COLUMNS = ("orders", "contacts", "events", "rows_affected", "undeclared_ids", "tickets")
"""Columns in which tests count how many things a failing row stands for."""


def summarise_run(settings: Settings, *, has_failed: bool) -> str:
    """A few sentences about what a run left; nothing about gold if the run failed."""
    if not settings.warehouse.exists():
        return ""
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            lines = _summarise_bronze(con, settings.landing)
            # A run that failed before its checks leaves those of the run before it.
            lines += (
                _find_checks(con, " when they last ran") if has_failed else _summarise_gold(con)
            )
            report = settings.published / "report.html"
            if not has_failed and report.exists():
                lines.append(f"The day on one page: {report}")
            return "\n".join(lines) + "\n"
    except duckdb.CatalogException:
        return ""
    except duckdb.Error as problem:
        if "could not set lock" in str(problem).lower():
            return "Another program is using the warehouse, so there is no summary here.\n"
        if has_failed:  # the run itself has said what is wrong with the file
            return ""
        raise


def _summarise_bronze(con: duckdb.DuckDBPyConnection, landing: Path) -> list[str]:
    loaded, files, rejected, cells = fetch_row(
        con,
        f"""
        select
            coalesce(sum(rows_loaded), 0), count(*), coalesce(sum(rows_rejected), 0),
            coalesce(sum(cells_unreadable), 0)
        from {HELD_LOADS}
        """,
    ) or (0, 0, 0, 0)
    lines = [f"Bronze holds {count(loaded, 'row')} from {count(files, 'file')}."]
    if files and not any(landing.glob("*")):
        lines.append(f"{landing} is empty: if it is on another disk, is that disk mounted?")
    reasons = []
    if rejected or cells:
        were_rejected = count(rejected, "row was", "rows were").capitalize()
        lines.append(
            f"{were_rejected} rejected and {count(cells, 'cell')} left "
            "empty, each listed with its line and reason in bronze.rejected_rows:"
        )
        reasons = con.execute(
            """
            select path, kind, count(*), min(line), arg_min(errors[1].reason, line)
            from bronze.rejected_rows
            group by path, kind
            order by path, kind
            limit ?
            """,
            [LONGEST_LIST + 1],
        ).fetchall()
        lines += [
            f"  {path}: {count(cases, kind)}, first in line {line}: {reason}"
            for path, kind, cases, line, reason in reasons[:LONGEST_LIST]
        ]
    messages = con.execute(
        f"select path, status, message from {LATEST_LOG_ROWS} "
        "where status in ('loaded', 'refused') and message is not null order by message"
    ).fetchall()
    if len(reasons) > LONGEST_LIST:
        lines.append("  … and more: ask bronze.rejected_rows for all of them.")
    if messages:
        present = name_files(landing, read_contract().values())
        lines += [
            f"{STATUS_PREFIXES[status]}: {text}"
            for path, status, text in messages
            if path in present
        ]
    return lines + _list_unknown_files(landing)


def _list_unknown_files(landing: Path) -> list[str]:
    contract = read_contract()
    unknown = find_unknown_files(landing, contract)
    lines = [
        f"Not loaded: {explain_unknown_file(name, contract)}" for name in unknown[:LONGEST_LIST]
    ]
    more = len(unknown) - LONGEST_LIST
    return lines + ([f"  … and {more} more that belong to no table."] if more > 0 else [])


def _summarise_gold(con: duckdb.DuckDBPyConnection) -> list[str]:
    try:
        row = fetch_row(con, "select as_of_date, customers, orders from gold.publication")
    except duckdb.CatalogException:
        return []
    if row is None:
        return []
    as_of, customers, orders = row
    holds = (
        f"Gold holds {count(customers, 'customer')} and {count(orders, 'order')} of every status "
        f"as of {as_of}."
    )
    return [holds, *_summarise_people(con), *_find_checks(con)]


def _summarise_people(con: duckdb.DuckDBPyConnection) -> list[str]:
    records, people, doubtful = fetch_row(
        con,
        "select count(*), count(distinct customer_id), "
        "(select count(*) from gold.identity_review) from gold.customer_identities",
    ) or (0, 0, 0)
    look = f"; {count(doubtful, 'pair')} to review in gold.identity_review" if doubtful else ""
    are = "is" if records == 1 else "are"
    people = count(people, "person", "people")
    return [f"{count(records, 'record')} from all systems {are} {people}{look}."]


def _find_checks(con: duckdb.DuckDBPyConnection, when: str = "") -> list[str]:
    lines = [
        f"  {name}: {sample}; look at them with: select * from test_failures.{name}"
        for name, sample in _find_failures(con)
    ]
    heading = f"Checks that found rows{when}; docs/reading-gold.md says what each means:"
    return [heading, *lines] if lines else []


def _find_failures(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The tests whose failing rows are kept, each with one row in words and the number of others.

    If the rows count something, the row with the highest count is shown.
    """
    found = []
    for name, failing in count_rows(con, "test_failures").items():
        rows = f"from test_failures.{quote(name)}"
        names = [column for column, *_ in con.execute(f"describe {rows}").fetchall()]
        order = "".join(f"{column} desc, " for column in COUNT_COLUMNS if column in names)
        cursor = con.execute(f"select * {rows} order by {order}columns(*) limit 1")
        cells = dict(zip(names, cursor.fetchall()[0], strict=True))
        more = failing - 1
        sample_row = ", ".join(f"{key} {value}" for key, value in cells.items())
        found.append((name, sample_row + (f", and {more:,} more" if more else "")))
    return found
