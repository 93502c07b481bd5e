"""5. Science: segments, forecasts, suggestions and effects; the logic is in science/answers.

All of it is one step, of which any table can be chosen, because a Python step between dbt's models
splits dbt's build, and each part of that costs a second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import dagster as dg
import duckdb
import polars as pl

from c360_dagster.assets.describe import markdown_table, specify_computed
from c360_dagster.assets.repeating import digest_files, have_mark, mark_answer, repeat_report
from c360_dagster.building.computed import read_computed, replace_computed
from c360_dagster.building.marks import write_marks
from c360_dagster.checks.science import report_findings, specify_science_checks
from c360_dagster.checks.truth import Truth
from c360_dagster.dbt_runner.build import Extent
from c360_dagster.layers import SCIENCE, SILVER
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.science.answers import Answer, tabulate
from c360_dagster.settings import Settings

PREVIEW_ROWS = 5

Read = Callable[[str], pl.DataFrame]


@dataclass(frozen=True)
class Question:
    """What is answered together: the models that it reads, and the tables for the answer."""

    models: tuple[str, ...]
    tables: tuple[str, ...]
    """The last one holds the findings about the others."""
    ask: Callable[[Read, Truth], Answer]
    also_reads: tuple[str, ...] = ()
    """Tables with the answers to an earlier question."""

    @property
    def reads(self) -> list[str]:
        models = [f"{SILVER.name}.{model}" for model in self.models]
        return models + [f"{SCIENCE.name}.{table}" for table in self.also_reads]

    @property
    def writes(self) -> list[str]:
        return [f"{SCIENCE.name}.{table}" for table in self.tables]


def build_science(settings: Settings) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="work_out_science",
        specs=[
            specify_computed(
                read_computed()[relation],
                SCIENCE,
                [dg.AssetKey(each.split(".")) for each in question.reads],
            )
            for question in QUESTIONS
            for relation in question.writes
        ],
        check_specs=specify_science_checks(),
        can_subset=True,
    )
    def work_out_science(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
        extent: Extent,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        chosen = {key.path[-1] for key in context.selected_asset_keys}
        asked = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        needed = chosen | {key.path[-1] for key, _ in asked}
        truth_files = digest_files(settings.truth)
        # One connection for everything, because opening the file takes time.
        with warehouse.connect() as con:
            for question in QUESTIONS:
                if needed.isdisjoint(question.tables):
                    continue
                mark = mark_answer(con, question.reads, truth_files)
                is_unchanged = have_mark(con, question.writes, mark)
                if is_unchanged and not extent.full_refresh:
                    repeated = repeat_report(context, question.tables)
                    yield from repeated
                    if repeated:
                        continue
                with work_in_one_thread():
                    answer = question.ask(partial(_read, con), Truth(settings.truth))
                frames = {**answer.tables, question.tables[-1]: tabulate(answer.findings)}
                written = {name: frames[name] for name in question.tables if name in chosen}
                _write(con, written, mark)
                yield from (_describe(name, frame) for name, frame in written.items())
                yield from (
                    check
                    for check in report_findings(answer.findings)
                    if (check.asset_key, check.check_name) in asked
                )

    return work_out_science


@contextmanager
def work_in_one_thread() -> Iterator[None]:
    """Limits linear algebra to one thread in the block.

    Its matrices are small, and threads that wait for each other cost more: at 5 000 customers, the
    forecasts take a fifth of the processor time this way. The limit holds only for libraries that
    are loaded by then.
    """
    import scipy.linalg  # noqa: F401, PLC0415  as below
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    with threadpool_limits(limits=1, user_api="blas"):
        yield


# These functions import what they need: numpy and scipy are slow, and the definitions do without.


def _ask_for_segments(read: Read, truth: Truth) -> Answer:
    from c360_dagster.science.answers.segments import answer_segments  # noqa: PLC0415

    return answer_segments(
        read("select * from silver.int_customer_features order by customer_id"),
        before=read("select customer_id, cluster_id from science.segments"),
        truth=truth.read_personas(),
    )


def _ask_for_forecasts(read: Read, truth: Truth) -> Answer:
    from c360_dagster.science.answers.forecasts import answer_forecasts  # noqa: PLC0415
    from c360_dagster.science.lifetime_value import Rehearsal  # noqa: PLC0415

    def read_plan(name: str) -> Rehearsal:
        days = read(
            "select first_date as first_day, as_of_date as as_of, horizon_days, window_days "
            f"from silver.int_{name}_plan"
        )
        return Rehearsal(**days.row(0, named=True))

    plan = read_plan("forecast")
    return answer_forecasts(
        read("select * from silver.int_forecast_features order by customer_id"),
        plan,
        read("select * from silver.int_holdout_features order by customer_id"),
        read_plan("holdout"),
        truth=truth.read_future(plan.as_of),
    )


def _ask_for_suggestions(read: Read, truth: Truth) -> Answer:
    from c360_dagster.science.answers.suggestions import answer_suggestions  # noqa: PLC0415

    products = read(
        "select customer_id, product_id as item, first_bought_date as order_date "
        "from silver.int_customer_products"
    )
    catalogue = read(
        "select product_id as item, max(category) as kind, "
        "bool_or(is_withdrawn) as is_withdrawn, bool_or(is_inferred) as is_inferred "
        "from silver.int_customer_products group by product_id"
    )
    return answer_suggestions(products, catalogue, is_simulated=truth.is_known)


def _ask_for_effects(read: Read, truth: Truth) -> Answer:
    from c360_dagster.science.answers.campaigns import answer_campaigns  # noqa: PLC0415

    responses = read(
        "select responses.campaign_id, segments.cluster_id, "
        'responses.contact_group as "group", responses.is_converted, responses.revenue '
        "from silver.int_campaign_responses as responses "
        "left join science.segments as segments "
        "on responses.customer_id = segments.customer_id "
        "where responses.contact_group in ('treatment', 'control')"
    )
    return answer_campaigns(responses, truth.read_lifts())


QUESTIONS = (
    Question(
        models=("int_customer_features",),
        tables=("segments", "centroids", "stability", "segment_evaluation"),
        ask=_ask_for_segments,
    ),
    Question(
        models=(
            "int_forecast_plan",
            "int_forecast_features",
            "int_holdout_plan",
            "int_holdout_features",
        ),
        tables=("forecasts", "parameters", "calibration", "forecast_evaluation"),
        ask=_ask_for_forecasts,
    ),
    Question(
        models=("int_customer_products",),
        tables=("next_products", "next_categories", "suggestion_evaluation"),
        ask=_ask_for_suggestions,
    ),
    Question(
        models=("int_campaign_responses",),
        also_reads=("segments",),
        tables=("campaign_effects", "campaign_evaluation"),
        ask=_ask_for_effects,
    ),
)


def _read(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    frame: pl.DataFrame = con.sql(query).pl()
    return frame


def _write(
    con: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame], mark: str | None
) -> None:
    tables = {f"{SCIENCE.name}.{name}": frame for name, frame in frames.items()}
    replace_computed(con, tables)
    write_marks(con, dict.fromkeys(tables, mark))


def _describe(name: str, frame: pl.DataFrame) -> dg.MaterializeResult[None]:
    preview = markdown_table(frame.columns, frame.head(PREVIEW_ROWS).rows())
    return dg.MaterializeResult(
        asset_key=[SCIENCE.name, name],
        metadata={
            "dagster/row_count": frame.height,
            "preview": dg.MetadataValue.md(preview),
        },
    )
