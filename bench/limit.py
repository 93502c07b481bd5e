"""The limit: from landing to published files in one plain process, with nothing around the work.

It uses a bare `read_csv`, the same compiled SQL in one connection and the same pure functions, but
no Dagster, no dbt and no checks. `python -m bench.limit plan.json landing home` prints the times.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from bench.plan import MEMORY, Plan, read_plan
from c360_dagster.building.computed import create_computed, replace_computed
from c360_dagster.checks.truth import Truth
from c360_dagster.loading import casting
from c360_dagster.loading.files import LandingFile, find_files
from c360_dagster.publishing.publication import KnownTables, publish
from c360_dagster.science.answers import Answer
from c360_dagster.sql import literal, quote
from landing_contract import Table, read_contract

PERSON = """
    source_system, source_id, first_name, last_name, email, phone, date_of_birth, address_line1,
    city, state, zip_code, country, gender, customer_segment, preferred_channel, registered_at
"""

Work = Callable[[duckdb.DuckDBPyConnection, Truth], None]
Spans = list[tuple[str, float, float]]
"""For each piece of work its stage, and its start and end by the system's clock."""


def main() -> None:
    plan, landing, home = (Path(argument) for argument in sys.argv[1:4])
    spans = run_plan(read_plan(plan), landing, home)
    sys.stdout.write(json.dumps(spans))


def run_plan(plan: Plan, landing: Path, home: Path) -> Spans:
    spans: Spans = []

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        began = time.time()
        yield
        spans.append((stage, began, time.time()))

    home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute(f"set memory_limit = '{MEMORY}'; set enable_progress_bar = false")
        con.execute("set temp_directory = ?", [str(home / "spill")])
        with timed("bronze"):
            read_landing(con, landing)
        create_computed(con)
        con.execute("create schema if not exists silver; create schema if not exists gold")
        for step in plan.steps:
            if step.sql:
                with timed("dbt"):
                    con.execute(step.sql)
            else:
                with timed("identity" if step.name == "identity" else "science"):
                    PYTHON_STEPS[step.name](con, Truth(landing.parent / "truth"))
        with timed("publish"):
            known = KnownTables({table: frozenset(names) for table, names in plan.personal.items()})
            publish(con, home / "published", run="limit", known=known)
    return spans


def read_landing(con: duckdb.DuckDBPyConnection, landing: Path) -> None:
    """Reads every file with the contract's types, and leaves out lines that do not fit."""
    con.execute("create schema bronze; create schema raw")
    for table in read_contract().values():
        files = find_files(landing, table)
        raw = f"raw.{quote(table.name)}"
        _create_empty(con, table, raw)
        for file in files:
            known = f"date '{file.known_at}'" if file.known_at else "null"
            con.execute(
                f"insert into {raw} select *, {literal(file.name)}, {known} from {_read(con, file)}"
            )
        con.execute(
            f"create view bronze.{quote(table.name)} as select *, rowid as _row, "
            f"localtimestamp as _loaded_at, 'limit' as _run_id from {raw}"
        )


def _create_empty(con: duckdb.DuckDBPyConnection, table: Table, raw: str) -> None:
    columns = ", ".join(f"{quote(column.name)} {column.type}" for column in table.columns)
    con.execute(f"create table {raw} ({columns}, _file varchar, _known_at date)")


def _read(con: duckdb.DuckDBPyConnection, file: LandingFile) -> str:
    """Returns a relation with the contract's columns; the measured files have exactly these."""
    table = file.table
    if file.suffix == ".xlsx":
        sheet = pl.read_excel(file.path, infer_schema_length=0, drop_empty_rows=True)
        con.register("sheet", sheet.select(table.column_names).to_arrow())
        cells = (
            f"cast({casting.cast_text(column, quote(column.name))} as {column.type})"
            for column in table.columns
        )
        return f"(select {', '.join(cells)} from sheet)"
    types = ", ".join(
        f"{literal(column.name)}: {literal('varchar' if column.format else column.type)}"
        for column in table.columns
    )
    cells = (
        casting.cast_text(column, quote(column.name)) if column.format else quote(column.name)
        for column in table.columns
    )
    return (
        f"(select {', '.join(cells)} from read_csv({literal(str(file.path))}, "
        f"columns = {{{types}}}, header = true, auto_detect = false, ignore_errors = true))"
    )


def identify(con: duckdb.DuckDBPyConnection, truth: Truth) -> None:  # noqa: ARG001
    from c360_dagster.identity import resolve  # noqa: PLC0415  imported as late as in the pipeline

    records = con.sql(
        f"select {PERSON} from silver.int_customer_records order by source_system, source_id"
    ).pl()
    ((as_of,),) = con.execute("select as_of_date from silver.int_data_clock").fetchall()
    found = resolve(records)
    merges = found.merges.select(pl.lit(as_of).alias("found_on"), "kind", "from_id", "to_id", "why")
    replace_computed(
        con,
        {
            "identity.identities": found.identities,
            "identity.golden_records": found.golden,
            "identity.provenance": found.provenance,
            "identity.merges": merges,
            "identity.redirects": found.redirects,
            "identity.review": found.review.rename({"probability": "match_probability"}),
        },
    )


def segment(con: duckdb.DuckDBPyConnection, truth: Truth) -> Answer:
    from c360_dagster.science.answers.segments import answer_segments  # noqa: PLC0415

    return answer_segments(
        con.sql("select * from silver.int_customer_features").pl(),
        before=con.sql("select customer_id, cluster_id from science.segments").pl(),
        truth=truth.read_personas(),
    )


def forecast(con: duckdb.DuckDBPyConnection, truth: Truth) -> Answer:
    from c360_dagster.science.answers.forecasts import answer_forecasts  # noqa: PLC0415
    from c360_dagster.science.lifetime_value import Rehearsal  # noqa: PLC0415

    def read_plan(name: str) -> Rehearsal:
        days = con.sql(
            "select first_date as first_day, as_of_date as as_of, horizon_days, window_days "
            f"from silver.int_{name}_plan"
        ).pl()
        return Rehearsal(**days.row(0, named=True))

    plan = read_plan("forecast")
    return answer_forecasts(
        con.sql("select * from silver.int_forecast_features").pl(),
        plan,
        con.sql("select * from silver.int_holdout_features").pl(),
        read_plan("holdout"),
        truth=truth.read_future(plan.as_of),
    )


def suggest(con: duckdb.DuckDBPyConnection, truth: Truth) -> Answer:
    from c360_dagster.science.answers.suggestions import answer_suggestions  # noqa: PLC0415

    products = con.sql(
        "select customer_id, product_id as item, first_bought_date as order_date "
        "from silver.int_customer_products"
    ).pl()
    catalogue = con.sql(
        "select product_id as item, max(category) as kind, "
        "bool_or(is_withdrawn) as is_withdrawn, bool_or(is_inferred) as is_inferred "
        "from silver.int_customer_products group by product_id"
    ).pl()
    return answer_suggestions(products, catalogue, is_simulated=truth.is_known)


def judge_campaigns(con: duckdb.DuckDBPyConnection, truth: Truth) -> Answer:
    from c360_dagster.science.answers.campaigns import answer_campaigns  # noqa: PLC0415

    responses = con.sql(
        "select responses.campaign_id, segments.cluster_id, "
        'responses.contact_group as "group", responses.is_converted, responses.revenue '
        "from silver.int_campaign_responses as responses "
        "left join science.segments as segments "
        "on responses.customer_id = segments.customer_id "
        "where responses.contact_group in ('treatment', 'control')"
    ).pl()
    return answer_campaigns(responses, truth.read_lifts())


def science_step(answer: Callable[[duckdb.DuckDBPyConnection, Truth], Answer]) -> Work:
    """Returns the work of asking for an answer and writing its tables.

    As in the pipeline, it uses one thread, because small matrices are faster that way.
    """

    def work(con: duckdb.DuckDBPyConnection, truth: Truth) -> None:
        import scipy.linalg  # noqa: F401, PLC0415  only a loaded library can be limited
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

        with threadpool_limits(limits=1, user_api="blas"):
            tables = answer(con, truth).tables
        replace_computed(con, {f"science.{name}": frame for name, frame in tables.items()})

    return work


PYTHON_STEPS: dict[str, Work] = {
    "identity": identify,
    "segments": science_step(segment),
    "forecasts": science_step(forecast),
    "recommendations": science_step(suggest),
    "effects": science_step(judge_campaigns),
}


if __name__ == "__main__":
    main()
