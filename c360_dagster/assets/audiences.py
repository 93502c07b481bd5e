"""9. Audiences: whom to write to, as files and to a webhook, from one published state."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.assets.describe import markdown_table
from c360_dagster.audiences.batches import cut_batches
from c360_dagster.audiences.declarations import (
    DEFAULT_WEBHOOK,
    Audience,
    AudienceError,
    Declared,
    read_audiences,
)
from c360_dagster.audiences.export import (
    Export,
    build_export,
    compare_with_receiver,
    write_files,
)
from c360_dagster.audiences.members import (
    GOLD_RELATIONS,
    candidates_sql,
    check_audience,
    members_sql,
)
from c360_dagster.dbt_runner.dbt_project import Manifest
from c360_dagster.delivery.exports import ExportError, ExportFolder
from c360_dagster.delivery.webhook import (
    LOG,
    PAUSES_SECONDS,
    DeliveryError,
    DeliveryLog,
    deliver,
    name_receiver,
)
from c360_dagster.layers import AUDIENCES, PUBLISHED
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.storage import guard_storage
from c360_dagster.resources.warehouse import MEMORY_LIMIT
from c360_dagster.settings import REPOSITORY, Settings

CHECK = "size_is_expected"
MART = GOLD_RELATIONS.mart.split(".")[-1]


class SnapshotError(Exception):
    """Raised if nothing is published to choose from; the message says what to do."""


def build_audiences(settings: Settings, manifest: Manifest) -> list[dg.AssetsDefinition]:
    """Builds one step for all audiences, because opening the snapshot costs more than querying it.

    Builds no step if no audience is declared. An audience that cannot be read fails the step, but
    only after all others are exported.
    """
    file = _name(settings.audiences)
    declared = _read_declared(settings)
    audiences = {each.name: each for each in declared.audiences}
    if not audiences:
        declared.require_all()
        return []
    columns = read_mart_columns(manifest)

    @dg.multi_asset(
        name="export_audiences",
        specs=[_specify(audience, columns) for audience in audiences.values()],
        check_specs=[
            dg.AssetCheckSpec(
                name=CHECK,
                asset=[AUDIENCES.name, name],
                description=(
                    "The audience is not empty, and since the last time no more than half of it "
                    "entered or left."
                ),
            )
            for name in audiences
        ],
        can_subset=True,
    )
    def export_audiences(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        chosen = {key.path[-1] for key in context.selected_asset_keys}
        checked = {key.asset_key.path[-1] for key in context.selected_asset_check_keys}
        wanted = chosen | checked
        is_whole = chosen == audiences.keys()
        problems = [str(problem) for problem in declared.problems if is_whole]
        silent: set[str] = set()
        with _open_snapshot(settings) as (con, as_of):
            for name in filter(wanted.__contains__, audiences):
                try:
                    condition = check_audience(audiences[name], columns, file)
                    export = _choose(settings, con, as_of, audiences[name], condition)
                    if name not in chosen:  # only its check was asked for
                        yield _check(export)
                        continue
                    _write(settings, export)
                except (AudienceError, ExportError) as problem:
                    problems.append(str(problem))
                    continue
                try:
                    delivered = _deliver(settings, export, silent)
                except (DeliveryError, ExportError) as problem:
                    delivered = "Not delivered completely."
                    problems.append(str(problem))
                context.log.info("%s: %s", name, f"{export.say()} {delivered}".rstrip())
                checks = [_check(export)] if name in checked else []
                yield _report(settings, export, delivered, checks)
        if problems:
            raise dg.Failure("\n".join(sorted(problems)), allow_retries=False)

    return [export_audiences]


def load_audiences(settings: Settings) -> tuple[Audience, ...]:
    """Returns all audiences that the file declares; their conditions are still to be checked."""
    return _read_declared(settings).require_all()


def _read_declared(settings: Settings) -> Declared:
    return read_audiences(_read(settings.audiences), _name(settings.audiences))


def read_member_queries(settings: Settings, manifest: Manifest) -> dict[str, str]:
    """Returns each audience's query for its members; raises AudienceError if one is wrong."""
    columns, file = read_mart_columns(manifest), _name(settings.audiences)
    return {
        each.name: members_sql(each, check_audience(each, columns, file))
        for each in load_audiences(settings)
    }


def _choose(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    as_of: date,
    audience: Audience,
    condition: str,
) -> Export:
    try:
        candidates = con.sql(candidates_sql(audience, condition)).pl()
    except duckdb.CatalogException:
        raise
    except duckdb.Error as problem:
        # After the first line, the message only quotes our own query.
        reason = str(problem).splitlines()[0]
        raise AudienceError(
            f"{_name(settings.audiences)}: audience '{audience.name}', condition: {reason}"
        ) from None
    with guard_storage(settings.home):
        folder = ExportFolder(settings.exports / audience.name)
        return build_export(audience, as_of, candidates, folder.find_previous(as_of))


def _write(settings: Settings, export: Export) -> None:
    with guard_storage(settings.home):
        folder = ExportFolder(settings.exports / export.audience.name)
        folder.write(export.as_of, write_files(export))


def _deliver(settings: Settings, export: Export, silent: set[str]) -> str:
    """Sends the audience and returns a sentence about it; empty if there is no webhook.

    A receiver that did not answer gets only one try for each further audience, because no other
    run can work in the meantime.
    """
    webhook = export.audience.webhook
    url = settings.audience_webhook_url if webhook == DEFAULT_WEBHOOK else webhook
    if url is None:
        return ""
    folder = ExportFolder(settings.exports / export.audience.name)
    log, to = DeliveryLog(folder.folder / LOG), name_receiver(url)
    latest = log.latest(to)
    if latest and latest > export.as_of:
        return f"Not delivered: the receiver already has the list of {latest}."
    whole, parts = log.find_received(to, before=export.as_of)
    compared = compare_with_receiver(
        export, folder.find(whole) if whole else None, list(filter(None, map(folder.find, parts)))
    )
    pauses = () if to in silent else PAUSES_SECONDS
    try:
        return deliver(cut_batches(compared), url, log, settings.now, pauses).say()
    except DeliveryError as problem:
        if problem.is_silent:
            silent.add(to)
        raise


@contextmanager
def _open_snapshot(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, date]]:
    """Opens the published file and yields it with its day; no other run can change it meanwhile."""
    path = settings.published / "c360.duckdb"
    if not path.exists():
        raise SnapshotError(f"{path} is not there yet: type `make run` or `make refresh` first.")
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            con.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            ((as_of,),) = con.execute("select as_of_date from gold.publication").fetchall()
            yield con, as_of
    except duckdb.CatalogException as problem:
        reason = str(problem).splitlines()[0]
        raise SnapshotError(
            f"{path} was published by another version, or is not one of ours: type `make "
            f"refresh`. ({reason})"
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise AudienceError(
            f"{_name(path)} cannot be read: {problem}. It must be a text file in UTF-8."
        ) from None


def read_mart_columns(manifest: Manifest) -> Mapping[str, str]:
    """The mart's columns with their types, as its contract declares them."""
    (mart,) = (
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["name"] == MART
    )
    return {name: column["data_type"] for name, column in mart["columns"].items()}


def _specify(audience: Audience, columns: Mapping[str, str]) -> dg.AssetSpec:
    exported = {
        "customer_id": "string",
        "group": "string",
        "change": "string",
        **{name: columns.get(name, "string") for name in audience.columns},
        **dict.fromkeys(audience.contact_columns, "string"),
    }
    return dg.AssetSpec(
        key=[AUDIENCES.name, audience.name],
        deps=[[PUBLISHED.name, "c360"]],
        group_name=AUDIENCES.name,
        owners=[AUDIENCES.owner],
        kinds=set(AUDIENCES.kinds),
        description=f"One row per member. {audience.description}",
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(
                        name, kind, tags={"pii": ""} if name in audience.contact_columns else {}
                    )
                    for name, kind in exported.items()
                ]
            ),
            "definition": dg.MetadataValue.json(audience.describe()),
        },
        tags={"layer": AUDIENCES.name} | ({"pii": ""} if audience.contact else {}),
    )


def _report(
    settings: Settings, export: Export, delivered: str, checks: Sequence[dg.AssetCheckResult]
) -> dg.MaterializeResult:
    name, counts = export.audience.name, export.counts
    file = settings.exports / name / f"{export.as_of}.csv"
    groups = export.members.group_by("group", "change").len().sort("group", "change")
    metadata: dict[str, Any] = {
        "dagster/row_count": counts["members"],
        "dagster/uri": dg.MetadataValue.url(file.as_uri()),
        **counts,
        "condition": export.audience.condition,
        "as_of_date": export.as_of.isoformat(),
        "delivery": delivered or "Written to files only: no webhook is set.",
        # No member's row is shown: only the file has these, and only its owner can read it.
        "preview": dg.MetadataValue.md(
            markdown_table(("group", "change", "members"), groups.iter_rows())
        ),
    }
    return dg.MaterializeResult(
        asset_key=[AUDIENCES.name, name], metadata=metadata, check_results=checks
    )


def _check(export: Export) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=[AUDIENCES.name, export.audience.name],
        check_name=CHECK,
        passed=export.is_as_expected,
        severity=dg.AssetCheckSeverity.WARN,
        description=export.say(),
    )


def _name(path: Path) -> str:
    """The file's name for messages: relative if it is in the repository."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)
