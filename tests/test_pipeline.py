"""What the whole pipeline makes of a tiny world: every table, what is published, its pages."""

import hashlib
import re
import stat
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from c360_dagster.science.lifetime_value import FEATURES, measure_customers, plan_rehearsal
from c360_dagster.settings import REPOSITORY
from landing_contract import read_contract
from tests.counted import run_pipeline
from tests.pipeline_runs import call, copy_home, rows


@pytest.fixture(scope="module")
def home(home_after_first_run: Path) -> Path:
    """The home as `make run` leaves it; test_commands.py calls the command itself."""
    return home_after_first_run


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


def read_gold(home: Path) -> dict[str, object]:
    """Returns rows and checksum of each gold table but `publication`, which names its run."""
    told = "select count(*), sum(cast(hash(t) as hugeint)) from gold"
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        names = con.execute(
            "select table_name from duckdb_tables() where schema_name = 'gold'"
        ).fetchall()
        return {
            name: con.execute(f"{told}.{name} as t").fetchone()
            for (name,) in names
            if name != "publication"
        }


def read_files(home: Path) -> dict[str, str]:
    """Returns a digest of each published parquet file but `publication`."""
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (home / "published" / "parquet").iterdir()
        if path.stem != "publication"
    }


def test_a_run_without_new_files_computes_nothing(home: Path, tmp_path: Path) -> None:
    home = copy_home(home, tmp_path)
    run = rows(home, "select run_id from gold.publication")
    gold, files = read_gold(home), read_files(home)
    again = run_pipeline(home)
    assert (again["landing files read"], again["dbt starts"]) == (0, 0)
    assert again["nodes sent"] < 10
    assert rows(home, "select run_id from gold.publication") != run
    assert read_gold(home) == gold
    anew = run_pipeline(home, anew=True)
    assert anew["nodes sent"] > 250
    assert (read_gold(home), read_files(home)) == (gold, files)


def test_the_forecasts_features_are_those_of_the_pure_functions(home: Path) -> None:
    """SQL and the pure functions must count the same features from the same orders."""
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


def test_every_customer_has_a_persona_and_a_forecast(home: Path) -> None:
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
    relations = "select table_name from information_schema.tables where table_schema = 'gold'"
    tables = f"{relations} order by 1"  # with the history, of which month ends are published
    published = home / "published"
    with duckdb.connect(str(published / "c360.duckdb"), read_only=True) as con:
        assert con.execute(tables).fetchall() == rows(home, tables)
        assert con.execute("from gold.publication").fetchall() == rows(
            home, "from gold.publication"
        )
    parquet = {path.stem for path in (published / "parquet").iterdir()}
    assert parquet == {name for (name,) in rows(home, tables)}
    report = (published / "report.html").read_text("utf-8")
    assert "Monday, 31 March 2025" in report
    assert (published / "reports" / "2025-03-31.html").read_text("utf-8") == report
    card = (published / "model_card.md").read_text("utf-8")
    assert "Engaged Regulars" in card
    assert all((published / name).exists() for name in re.findall(r"\]\((.*?)\)", card))


def test_files_with_personal_data_are_readable_only_by_the_owner(home: Path) -> None:
    """Only the owner may read the warehouse and the folders that the pipeline writes.

    Dagster's logs name no customer. Landing is left to whoever delivers the files.
    """
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in home.rglob("*")
        if path.name in {"warehouse.duckdb", "dagster", "published", "registry", "exports"}
    }
    assert len(modes) == 5
    assert {path for path, mode in modes.items() if mode & 0o077} == set()
    people = rows(home, "select email from gold.dim_customers where email is not null")
    logs = b"".join(path.read_bytes() for path in (home / "dagster").rglob("*") if path.is_file())
    assert [email for (email,) in people if str(email).encode() in logs.lower()] == []


def test_marketing_audiences_hold_only_customers_who_consented(home: Path) -> None:
    """Nobody is in a marketing audience unless a consents file says yes to e-mail for them."""
    said_yes = {
        customer
        for (customer,) in rows(
            home,
            "select identities.customer_id from gold.customer_identities as identities"
            " inner join silver.stg_consents as consents on identities.source_system = 'crm'"
            " and identities.source_id = consents.customer_id"
            " where consents.purpose = 'marketing_email' and consents.is_granted",
        )
    }
    exports = {path.name: path for path in (home / "exports").iterdir()}
    assert len(exports) == 5
    sizes = {}
    for name, folder in exports.items():
        (file,) = folder.glob("*.parquet")
        members = pl.read_parquet(file)["customer_id"].to_list()
        sizes[name] = len(members)
        assert name == "late_delivery_apology" or set(members) <= said_yes, name
    assert sum(sizes.values()) > 10, sizes


def test_the_guide_to_erasing_finds_every_record_that_names_a_customer(home: Path) -> None:
    """It fails if a table that names customers is added to the contract but not to the guide."""
    guide = (REPOSITORY / "docs/operations.md").read_text("utf-8")
    section = guide.split("\n## Erasing a person\n")[1]
    query = section.split("```sql\n")[1].split("```")[0]
    naming = [table for table in read_contract().values() if "customer_id" in table.column_names]
    assert {each.name for each in naming} | {"shipments", "tracking_events"} == {
        *re.findall(r"bronze\.(\w+)", query)
    }
    systems = {"crm": False, "workbooks": True}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        (golden_id,) = con.execute(
            "select customer_id from gold.customer_identities group by all "
            "order by count(distinct source_system) desc, count(*) desc, customer_id limit 1"
        ).fetchall()[0]
        expected = sum(
            con.execute(
                f"select count(*) from bronze.{table.name} where customer_id in (select source_id "
                "from gold.customer_identities where customer_id = ? and source_system = ?)",
                [golden_id, system],
            ).fetchall()[0][0]
            for system, is_workbook in systems.items()
            for table in naming
            if table.is_workbook is is_workbook
        )
        found = con.execute(query.replace("'C17'", f"'{golden_id}'")).fetchall()
    parcels = ("logistic/shipments", "logistic/tracking_events")
    assert sum(count for file, count, _ in found if not file.startswith(parcels)) == expected > 5
    assert any(file.startswith(parcels) for file, *_ in found)


def test_docs_are_one_page(home_after_first_run: Path, tmp_path: Path) -> None:
    home = copy_home(home_after_first_run, tmp_path, "warehouse.duckdb")
    done = call(home, "c360_dagster", "docs")
    assert done.returncode == 0, done.stdout + done.stderr
    page = home / "docs" / "index.html"
    assert done.stdout.strip().endswith(str(page))
    assert "Start with `mart_customer_360`" in page.read_text("utf-8")


def test_definitions_validate_from_anywhere(home: Path, tmp_path: Path) -> None:
    done = call(
        home, "dagster", "definitions", "validate", "-m", "c360_dagster.definitions", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert call(home, "dagster", "definitions", "validate").returncode == 0
