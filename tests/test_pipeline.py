"""The whole road on a tiny world, through the commands that people type."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from polars.testing import assert_frame_equal

from c360_dagster.science.lifetime_value import FEATURES, measure_customers, plan_rehearsal
from c360_dagster.settings import REPOSITORY
from landing_contract import read_contract

SMALL = {"C360_CUSTOMERS": "120", "C360_END_DATE": "2025-03-31"}
MATERIALIZE = ["dagster", "asset", "materialize", "--select", "*", "-m", "c360_dagster.definitions"]


def call(
    home: Path, *command: str, cwd: Path = REPOSITORY, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a module of the environment's Python as a user would, DAGSTER_HOME unset."""
    environment = os.environ | SMALL | {"C360_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    environment.pop("DAGSTER_HOME", None)
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after `make run`."""
    home = tmp_path_factory.mktemp("home")
    done = call(home, "c360_dagster", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Bronze holds " in done.stdout
    assert "Warning" not in done.stdout + done.stderr
    return home


def test_every_table_has_its_file_and_its_rows(home: Path) -> None:
    for table in read_contract().values():
        ((count,),) = rows(home, f'select count(*) from bronze."{table.name}"')
        assert count or table.name == "rates", table.name


def test_every_record_is_loaded_or_listed(home: Path) -> None:
    assert (
        rows(
            home,
            "select path from bronze.load_log "
            "where rows_read <> rows_loaded + rows_rejected or status <> 'loaded'",
        )
        == []
    )
    assert rows(
        home,
        "select sum(rows_rejected) "
        "= (select count(*) from bronze.rejected_rows where kind = 'row') "
        "from bronze.load_log",
    ) == [(True,)]


def test_a_second_run_has_nothing_to_do(home: Path) -> None:
    before = rows(home, "select count(*) from bronze.load_log")
    done = call(home, *MATERIALIZE, DAGSTER_HOME=str(home / "dagster"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(home, "select count(*) from bronze.load_log") == before


def test_the_forecasts_features_are_those_of_the_pure_functions(home: Path) -> None:
    """SQL counts one row a customer; the reference counts the same from the orders."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        orders = con.sql(
            "select customer_id, order_date, net_amount::double as amount from gold.fct_orders "
            "where is_counted and customer_id is not null"
        ).pl()
        customers = con.sql("select customer_id from gold.dim_customers").pl()["customer_id"]
        for name, horizon in (("forecast", 365), ("holdout", None)):
            plan = con.sql(f"select * from silver.int_{name}_plan").pl().row(0, named=True)
            expected = plan_rehearsal(
                plan["first_date"], plan["as_of_date"], horizon or plan["horizon_days"]
            )
            assert (expected.window_days, expected.cutoff, expected.year_ago) == (
                plan["window_days"],
                plan["cutoff_date"],
                plan["year_ago_date"],
            )
            told = con.sql(f"select * from silver.int_{name}_features").pl()
            reference = measure_customers(orders, expected, customers)
            assert_frame_equal(
                told.select(*FEATURES).sort("customer_id").cast(dict(reference.schema)),
                reference,
                check_exact=False,
                abs_tol=1e-6,
            )


def test_everybody_has_a_persona_a_forecast_and_a_place(home: Path) -> None:
    assert rows(
        home,
        "select count(*) filter (persona is null), count(*) filter (clv_12m is null),"
        " count(*) filter (churn_risk not between 0 and 1),"
        " count(*) filter (persona = 'No purchase yet' and total_orders > 0)"
        " from gold.mart_customer_360",
    ) == [(0, 0, 0, 0)]
    assert rows(
        home,
        "select (select sum(customers) from gold.revenue_by_cluster)"
        " = (select count(*) from gold.customers_master where cluster_id is not null),"
        " (select round(sum(revenue_share), 4) from gold.revenue_by_cluster)",
    ) == [(True, 1.0)]


def test_what_is_published_is_gold(home: Path) -> None:
    tables = "select table_name from duckdb_tables() where schema_name = 'gold' order by 1"
    published = home / "published"
    with duckdb.connect(str(published / "c360.duckdb"), read_only=True) as con:
        assert con.execute(tables).fetchall() == rows(home, tables)
        assert con.execute("from gold.publication").fetchall() == rows(
            home, "from gold.publication"
        )
    parquet = {path.stem for path in (published / "parquet").iterdir()}
    assert parquet == {name for (name,) in rows(home, tables)}
    card = (published / "model_card.md").read_text("utf-8")
    assert "Engaged Regulars" in card
    assert all((published / name).exists() for name in re.findall(r"\]\((.*?)\)", card))


def test_docs_are_one_page(home: Path) -> None:
    done = call(home, "c360_dagster", "docs")
    assert done.returncode == 0, done.stdout + done.stderr
    page = home / "docs" / "index.html"
    assert done.stdout.strip().endswith(str(page))
    assert "mart_customer_360" in page.read_text("utf-8")


def test_definitions_validate_from_anywhere(home: Path, tmp_path: Path) -> None:
    done = call(
        home, "dagster", "definitions", "validate", "-m", "c360_dagster.definitions", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert call(home, "dagster", "definitions", "validate").returncode == 0


def test_ones_own_files_load_and_nothing_is_simulated_among_them(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "customer"
    folder.mkdir(parents=True)
    (folder / "customers.csv").write_text("customer_id,registration_date\nMine,2025-01-01\n")
    (folder / "loyalty_program.csv").write_text("customer_id;points\nMine;1\n")
    done = call(tmp_path, "c360_dagster", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Bronze holds 1 rows of 1 files." in done.stdout
    assert "customer/loyalty_program.csv: its columns are separated by semicolons" in done.stdout
    assert rows(tmp_path, "select customer_id from gold.mart_customer_360") == [("Mine",)]
    assert sorted(path.name for path in (tmp_path / "landing").rglob("*.csv")) == [
        "customers.csv",
        "loyalty_program.csv",
    ]


def test_a_failed_test_names_itself_and_its_rows_and_fails_the_run(tmp_path: Path) -> None:
    files = {
        "customer/customers.csv": "customer_id,registration_date\nC1,2025-01-01\n",
        "products/products.csv": "product_id,price\nP1,5\n",
        "sales/transactions.csv": (
            "transaction_id,customer_id,transaction_date,subtotal,tax_amount,discount_amount,"
            "total_amount,currency,status\n"
            "T1,C1,2025-01-02 10:00:00,5,0,0,5,USD,completed\n"
            "T2,C1,2025-01-03 10:00:00,5,0,0,5,EUR,completed\n"
        ),
        "sales/transaction_items.csv": (
            "item_id,transaction_id,product_id,quantity,unit_price,line_total,discount_applied\n"
            "I1,T1,P1,1,5,5,0\nI2,T2,P1,1,5,5,0\n"
        ),
    }
    for name, content in files.items():
        path = tmp_path / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    failed = call(tmp_path, "c360_dagster", "refresh")
    assert failed.returncode == 1
    assert "currencies_can_be_added" in failed.stdout
    assert "look at them with: select * from test_failures." in failed.stdout
    assert not (tmp_path / "published").exists()
    path = tmp_path / "landing" / "sales" / "transactions.csv"
    path.write_text(path.read_text().replace("EUR", "USD"))
    mended = call(tmp_path, "c360_dagster", "refresh")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    spent = "select customer_id, total_orders, total_spent::varchar from gold.mart_customer_360"
    assert rows(tmp_path, spent) == [("C1", 2, "10.00")]


def test_runs_at_once_all_succeed(tmp_path: Path) -> None:
    """Two share a DAGSTER_HOME, as `make run` does; a third, which only loads, has its own."""
    load = [part if part != "*" else "group:bronze" for part in MATERIALIZE]
    commands = [("c360_dagster", "run"), ("c360_dagster", "run"), load]
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(call, tmp_path, *command) for command in commands]
    for run in runs:
        assert run.result().returncode == 0, run.result().stdout + run.result().stderr
    told = "".join(run.result().stdout + run.result().stderr for run in runs)
    assert told.count("is in use by run") >= 2, "the others say who they wait for"
    counted = "select count(*) = count(distinct path) from bronze.load_log"
    assert rows(tmp_path, counted) == [(True,)]


@pytest.mark.parametrize("command", [("c360_dagster", "run"), tuple(MATERIALIZE)])
def test_a_bad_setting_is_one_sentence_and_writes_nothing(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = call(tmp_path / "home", *command, C360_SEED="seven")
    assert done.returncode == 1
    assert "C360_SEED is 'seven': it must be a whole number" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()


def test_clean_keeps_landing(tmp_path: Path) -> None:
    kept = tmp_path / "landing" / "sales" / "transactions.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    (tmp_path / "registry").mkdir()
    (tmp_path / "warehouse.duckdb").write_text("x")
    assert call(tmp_path, "c360_dagster", "clean").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["landing", "registry"]
    assert kept.read_text() == "mine"
