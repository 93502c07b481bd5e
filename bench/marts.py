"""Measures six marts (five of sales and one of each customer's orders) against the same in pandas.

Both sides start from the same landing files and the same table of who is who, and end with the same
six parquet files. The part after reading and cleaning is also measured by itself.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import polars as pl

from bench.checksums import Content, Contents, combine, read_content
from bench.figures import PANDAS, PANDAS_CLEAN, Figure
from bench.measure import Measured, measure
from bench.plan import MEMORY, Plan, Step, make_plan, select_steps
from c360_dagster.loading.bronze import load_tables
from c360_dagster.loading.load_log import LoadRun
from c360_dagster.loading.schema import create_bronze
from c360_dagster.sql import literal, quote, read_columns
from landing_contract import read_contract

SALES = (
    "customer_lifetime_value",
    "category_performance",
    "monthly_revenue_orders",
    "customer_order_frequency",
    "top_10_customers_by_revenue",
)
GIVEN = ("customer_identities", "dim_customers")
"""Both sides are given who is who, because Python works it out and not the SQL."""
PARTS = ("int_customer_orders", "int_customer_main_stores", "int_customer_variety", "dim_stores")
CLEAN = (
    *("stg_sales", "stg_products", "int_data_clock"),
    *("fct_orders", "fct_order_lines", "dim_products", "dim_stores"),
)
"""The tables that are loaded and cleaned before any mart is made."""
# The columns of mart_customer_360 that follow from orders and their lines, as in its model.
CUSTOMERS = """
    create table gold.mart_customer_360 as
    select
        orders.customer_id,
        orders.total_orders,
        orders.total_spent,
        cast(
            round(cast(orders.total_spent as double) / nullif(orders.total_orders, 0), 6)
            as decimal(22, 6)
        ) as avg_order_value,
        orders.first_ordered_at as first_order_date,
        orders.last_ordered_at as last_order_date,
        orders.total_items as total_items_purchased,
        stores.store_name,
        main_stores.store_id,
        stores.store_city,
        stores.store_state,
        coalesce(variety.categories_purchased, 0) as categories_purchased,
        coalesce(variety.brands_purchased, 0) as brands_purchased,
        orders.orders_refunded,
        orders.amount_refunded,
        orders.orders_cancelled,
        date_diff('day', cast(orders.last_ordered_at as date), clock.as_of_date)
            as days_since_last_order,
        variety.favourite_category,
        clock.as_of_date
    from silver.int_customer_orders as orders
    cross join silver.int_data_clock as clock
    left join silver.int_customer_main_stores as main_stores using (customer_id)
    left join gold.dim_stores as stores on main_stores.store_id = stores.store_id
    left join silver.int_customer_variety as variety on orders.customer_id = variety.customer_id
"""
COLUMNS = (
    *("customer_id", "total_orders", "total_spent", "avg_order_value", "first_order_date"),
    *("last_order_date", "total_items_purchased", "store_name", "store_id", "store_city"),
    *("store_state", "categories_purchased", "brands_purchased", "orders_refunded"),
    *("amount_refunded", "orders_cancelled", "days_since_last_order", "favourite_category"),
    "as_of_date",
)
MARTS = (*SALES, "mart_customer_360")
SHOP = "workbooks/Transaction"


@dataclass(frozen=True)
class Inputs:
    """What both sides start from, and the warehouse with whose marts both must agree."""

    landing: Path
    warehouse: Path
    who: Path
    as_of: date


@dataclass(frozen=True)
class Lap:
    """The time that a part of the work took."""

    seconds: float
    cpu_seconds: float


def main(arguments: list[str]) -> None:
    """Takes a number of customers to simulate."""
    from bench.road import run_without_defects  # noqa: PLC0415  only this function runs the pipeline
    from bench.table import format_table  # noqa: PLC0415

    customers = int(arguments[0]) if arguments else 5000
    with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
        pipeline = run_without_defects(Path(folder), customers)
        figures = compare(
            customers, pipeline.settings.landing, pipeline.settings.warehouse, Path(folder)
        )
    sys.stdout.write(format_table(figures))


def compare(customers: int, landing: Path, warehouse: Path, folder: Path) -> list[Figure]:
    """Compares both sides, given landing and the warehouse that the pipeline made from it.

    Everything is written below `folder`.
    """
    inputs = prepare(landing, warehouse, folder)
    (folder / "compile").mkdir()
    plan = make_plan(folder / "compile")
    ours: Measured[Lap] = measure(build, plan, inputs, folder / "sql")
    pandas_laps = run_pandas(inputs, folder / "pandas")
    built, expected = read_both(inputs, folder / "sql", folder / "pandas")
    gold = read_pipeline_marts(inputs)
    content = combine(built)
    return [
        Figure(
            customers=customers,
            name=name,
            rows=content.rows,
            checksum=content.checksum,
            seconds=lap.seconds,
            cpu_seconds=lap.cpu_seconds,
            megabytes=ours.megabytes,
            against="pandas",
            against_seconds=theirs.seconds,
            against_cpu_seconds=theirs.cpu_seconds,
            ratio=theirs.seconds / lap.seconds,
            is_same=built == expected == gold,
        )
        for name, lap, theirs in (
            (PANDAS, Lap(ours.seconds, ours.cpu_seconds), pandas_laps["whole"]),
            (PANDAS_CLEAN, ours.result, pandas_laps["marts"]),
        )
    ]


def prepare(landing: Path, warehouse: Path, folder: Path) -> Inputs:
    """Writes who is who to a file, and the shop's workbook as CSV, because pandas alone cannot read
    Excel."""
    who = folder / "who_is_who.parquet"
    with duckdb.connect(str(warehouse), read_only=True) as con:
        con.execute(
            "copy (select source_system, source_id, customer_id from gold.customer_identities "
            f"order by all) to {literal(str(who))}"
        )
        ((as_of,),) = con.execute("select as_of_date from silver.int_data_clock").fetchall()
    seen = folder / "landing_as_csv"
    shutil.copytree(landing, seen, symlinks=True, copy_function=_link)
    if not (seen / f"{SHOP}.csv").exists():
        sheet = pl.read_excel(landing / f"{SHOP}.xlsx", infer_schema_length=0)
        sheet.write_csv(seen / f"{SHOP}.csv")
        (seen / f"{SHOP}.xlsx").unlink()
    return Inputs(seen, warehouse, who, as_of)


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def build(plan: Plan, inputs: Inputs, folder: Path) -> Lap:
    """Loads the tables, runs the models' SQL and writes six files; returns the marts' own time."""
    folder.mkdir()
    steps = select_steps(plan, [*SALES, *PARTS], GIVEN)
    marts = select_steps(plan, [*SALES, *PARTS], [*GIVEN, *CLEAN])
    clean = [step for step in steps if step not in marts]
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        con.execute(f"set memory_limit = '{MEMORY}'; set enable_progress_bar = false")
        con.execute("create schema silver; create schema gold")
        load(con, inputs, steps, folder)
        con.execute(
            f"create table gold.customer_identities as from {literal(str(inputs.who))}; "
            "create table gold.dim_customers as "
            "select distinct customer_id from gold.customer_identities"
        )
        for step in clean:
            con.execute(step.sql)
        began, cpu_began = perf_counter(), process_time()
        for step in marts:
            con.execute(step.sql)
        con.execute(CUSTOMERS)
        for mart in MARTS:
            con.execute(f"copy gold.{mart} to {literal(str(folder / f'{mart}.parquet'))}")
        return Lap(perf_counter() - began, process_time() - cpu_began)


def load(con: duckdb.DuckDBPyConnection, inputs: Inputs, steps: list[Step], folder: Path) -> None:
    """Loads the files on the day after the last one, because files cannot know later events."""
    loaded_at = datetime.combine(inputs.as_of + timedelta(days=1), time())
    contract = read_contract()
    create_bronze(con, contract.values())
    run = LoadRun("bench", lambda: loaded_at, folder / "scratch")
    tables = [contract[name] for name in sorted({name for step in steps for name in step.lands})]
    for _ in load_tables(con, inputs.landing, tables, run):
        pass


def run_pandas(inputs: Inputs, folder: Path) -> dict[str, Lap]:
    folder.mkdir()
    script = Path(__file__).with_name("pandas_script.py")
    arguments = (script, inputs.landing, inputs.who, inputs.as_of, folder)
    command = [sys.executable, *map(str, arguments)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {part: Lap(*took) for part, took in json.loads(ran.stdout).items()}


def read_both(inputs: Inputs, ours: Path, theirs: Path) -> tuple[Contents, Contents]:
    """Reads both sides' six marts, cast to the types of the pipeline's own."""
    types = _read_types(inputs.warehouse)
    return _read_files(ours, types), _read_files(theirs, types)


def read_pipeline_marts(inputs: Inputs) -> Contents:
    """Reads the same columns of the marts that the pipeline itself made."""
    types = _read_types(inputs.warehouse)
    with duckdb.connect(str(inputs.warehouse), read_only=True) as con:
        return {mart: read_content(con, f"gold.{mart}", sorted(types[mart])) for mart in MARTS}


def _read_files(folder: Path, types: dict[str, dict[str, str]]) -> Contents:
    found: dict[str, Content] = {}
    with duckdb.connect() as con:
        for mart in MARTS:
            cells = ", ".join(
                f"cast({quote(name)} as {kind}) as {quote(name)}"
                for name, kind in types[mart].items()
            )
            source = literal(str(folder / f"{mart}.parquet"))
            found[mart] = read_content(
                con, f"(select {cells} from read_parquet({source}))", sorted(types[mart])
            )
    return found


def _read_types(warehouse: Path) -> dict[str, dict[str, str]]:
    with duckdb.connect(str(warehouse), read_only=True) as con:
        columns = read_columns(con)
    return {
        mart: {
            column: kind
            for column, kind in columns[f"gold.{mart}"].items()
            if mart in SALES or column in COLUMNS
        }
        for mart in MARTS
    }
