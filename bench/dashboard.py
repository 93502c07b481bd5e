"""How long the dashboard's pages, filters and search take on a synthetic snapshot.

It first measures the queries, each on a newly opened snapshot, and then, if Chromium is installed,
how long a person waits for whole pages.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import yaml

from bench.road import environment
from c360_dagster.settings import REPOSITORY, read_settings
from c360_dashboard.filters import Filters, read_period
from c360_dashboard.queries import (
    choices,
    customer,
    health,
    marketing,
    overview,
    products,
    segments,
    service,
    value,
)
from c360_dashboard.screenshots import find_browser, open_browser, open_page, serve
from c360_dashboard.snapshot import Snapshot, find_snapshot, read_publication

AS_OF = date(2026, 6, 30)
ORDERS_EACH, LINES_EACH, REPETITIONS = 9, 2, 3

# The tables that the pages read most, made from row numbers only; the other tables stay empty.
FILLED = {
    "publication": """
        date '2026-06-30' as as_of_date, 'bench' as run_id, now()::timestamp as published_at
    """,
    "dim_stores": """
        'ST' || i as store_id, 'Store ' || i as store_name, 'S' || (i % 40) as store_state
    """,
    "dim_products": """
        'P' || i as product_id, 'Product ' || i as product_name, 'Category ' || (i % 9) as category
    """,
    "dim_customers": """
        'C' || i as customer_id, 'First' || (i % 500) as first_name,
        'Last' || (i % 7919) as last_name,
        'person' || i || '@example.com' as email, '1555' || lpad(i::varchar, 7, '0') as phone,
        'S' || (i % 40) as state, 1 as source_records, false as is_inferred
    """,
    "mart_customer_360": """
        'C' || i as customer_id, 'Persona ' || (i % 6) as persona,
        'Segment ' || (i % 8) as rfm_segment,
        i % 18 as total_orders, i % 18 * 40 as total_spent, i % 3000 as clv_12m,
        (i % 997) / 997 as churn_risk,
        i % 400 as days_since_last_order, i % 3 = 0 as marketing_consent
    """,
    "clv_proxy": """
        'C' || i as customer_id, i % 3000 as clv_12m, 0 as clv_12m_low, 9 as clv_12m_high
    """,
    "customer_identities": """
        'crm' as source_system, 'C' || i as source_id, 'C' || i as customer_id,
        'single' as match_rule
    """,
    "customer_merges": """
        date '2026-05-01' as found_on, 'merge' as kind, 'X' || i as from_id, 'C' || i as to_id
    """,
    "fct_orders": """
        'O' || i as order_id, 'C' || (i // 9) as customer_id, 'ST' || (i % 60) as store_id,
        ['store', 'online', 'mobile'][1 + i % 3] as channel, 'USD' as currency,
        'completed' as order_status, 20 + i % 200 as net_amount, 22 + i % 200 as total_amount,
        2 as lines, true as is_counted, false as is_after_as_of,
        date '2026-06-30' - (hash(i) % 545)::integer as order_date
    """,
    "fct_order_lines": """
        'L' || i as line_id, 'O' || (i // 2) as order_id, 'C' || (i // 18) as customer_id,
        'P' || (hash(i) % 2000) as product_id, 'ST' || (i % 60) as store_id,
        ['store', 'online', 'mobile'][1 + i // 2 % 3] as channel, 1 as quantity,
        10 + i % 100 as total_price, 4 as margin, true as is_counted,
        date '2026-06-30' - (hash(i // 2) % 545)::integer as order_date
    """,
    "fct_shipments": """
        'H' || i as shipment_id, 'O' || i * 2 as order_id, 'C' || (i // 4) as customer_id,
        'Carrier ' || (i % 4) as carrier, 'WH' || (i % 4) as origin_location_id,
        'delivered' as delivery_status, i % 9 as delivery_days, true as is_delivered,
        i % 9 > 7 as is_late, false as is_after_as_of,
        date '2026-06-30' - (hash(i) % 545)::integer as ship_date
    """,
    "fct_support_tickets": """
        'K' || i as ticket_id, 'C' || i as customer_id, 'Category ' || (i % 5) as category,
        'email' as channel, 'closed' as status, 3 as satisfaction_score, 5.0 as resolution_hours,
        false as is_open, false as is_after_as_of,
        timestamp '2026-06-30' - to_days((hash(i) % 545)::integer) as created_at
    """,
    "fct_sessions": """
        'U' || i as session_id, 'C' || (i // 9) as customer_id, 'app' as touchpoint,
        3 as page_views, 2 as minutes, false as is_after_as_of,
        date '2026-06-30' - (hash(i) % 545)::integer as session_date
    """,
}


def main(arguments: list[str]) -> None:
    customers = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published"
        published.mkdir()
        write_snapshot(published / "c360.duckdb", customers)
        snapshot = find_snapshot(published, shows_personal_data=True)
        size = snapshot.path.stat().st_size / 1e6
        sys.stdout.write(f"a snapshot of {customers:,} customers, {size:,.0f} MB\n")
        first = read_publication(snapshot).first_order
        plain = Filters(read_period("26w", AS_OF, first))
        everything = read_period("all", AS_OF, first)
        narrow = Filters(everything, ("online",), ("S1", "S2"), ("Persona 1",))
        someone = f"C{customers // 2}"
        questions: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
            "choices of the filters": (choices.load, ()),
            "overview": (overview.load, (plain,)),
            "overview, all days": (overview.load, (Filters(everything),)),
            "overview, filtered": (overview.load, (narrow,)),
            "segments": (segments.load, (plain,)),
            "who changed segment": (segments.load_moves, (plain, 1)),
            "value and churn": (value.load, (plain,)),
            "products": (products.load, (plain,)),
            "products, filtered": (products.load, (narrow,)),
            "service": (service.load, (plain,)),
            "marketing": (marketing.load, (plain,)),
            "data health": (health.load, ()),
            "search by name": (customer.search, ("first77 last",)),
            "search by e-mail": (customer.search, (f"person{customers // 3}@example.com",)),
            "search by a former id": (customer.search, (f"X{customers // 3}",)),
            "one customer": (customer.load, (someone,)),
        }
        for name, (query, given) in questions.items():
            seconds = min(time_once(snapshot, query, given) for _ in range(REPETITIONS))
            sys.stdout.write(f"{name}: {seconds * 1000:,.0f} ms\n")
        open_pages(Path(folder), f"person{customers // 3}@example.com")


def open_pages(home: Path, somebody: str) -> None:
    """Prints the time from typing an address to the drawn charts, on newly started servers."""
    found = find_browser()
    if found is None:
        sys.stdout.write("Chromium is not installed, so no page was opened.\n")
        return
    pages = {
        "first page": "",
        "the same page again": "",
        "the page with filters": "?period=Last+13+weeks&channel=Online",
        "a search and the page found": f"customer?q={somebody}",
    }
    seconds: dict[str, list[float]] = {name: [] for name in pages}
    variables = environment(read_settings({"C360_HOME": str(home), "C360_SHOW_PII": "on"}))
    with open_browser(found) as browser:
        for _ in range(REPETITIONS):
            with serve(environment=variables) as address, browser.new_page() as page:
                for name, where in pages.items():
                    started = time.perf_counter()
                    open_page(page, f"{address}/{where}", until_quiet=False)
                    seconds[name].append(time.perf_counter() - started)
    for name, taken in seconds.items():
        sys.stdout.write(f"{name}: {median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f})\n")


def time_once(snapshot: Snapshot, query: Callable[..., Any], given: tuple[Any, ...]) -> float:
    """Returns the seconds from a closed file to an answer, as for the first visitor of a page."""
    started = time.perf_counter()
    with snapshot.open() as reader:
        query(reader, *given)
    return time.perf_counter() - started


def write_snapshot(path: Path, customers: int) -> None:
    """Writes a snapshot with all gold tables that dbt's yml describes, most of them empty."""
    rows = {
        "publication": 1,
        "dim_stores": 60,
        "dim_products": 2000,
        "fct_orders": customers * ORDERS_EACH,
        "fct_order_lines": customers * ORDERS_EACH * LINES_EACH,
        "fct_shipments": customers * 4,
        "fct_sessions": customers * 9,
    }
    with duckdb.connect(str(path)) as con:
        con.execute("create schema gold")
        for described in sorted((REPOSITORY / "dbt_c360" / "models" / "marts").rglob("*.yml")):
            for model in yaml.safe_load(described.read_text("utf-8")).get("models") or []:
                columns = ", ".join(
                    f'"{column["name"]}" {column["data_type"]}' for column in model["columns"]
                )
                con.execute(f"create table gold.{model['name']} ({columns})")
        for table, select in FILLED.items():
            count = rows.get(table, customers)
            con.execute(
                f"insert into gold.{table} by name select {select} "
                f"from range({count}) as numbers (i)"
            )
