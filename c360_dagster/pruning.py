"""Deletes what runs leave behind, after C360_KEEP_DAYS.

It never deletes what the loader needs to load each content once, nor the last run of a table.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb

from c360_dagster.settings import Settings


@dataclass(frozen=True)
class Pruned:
    runs: int
    loads: int


def prune(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    instance: dg.DagsterInstance,
    now: datetime,
    run_id: str,
) -> Pruned:
    """Forgets old runs and loads; the caller must hold the lock of the home."""
    oldest = now - timedelta(days=settings.keep_days)
    _clear_scratch(settings.scratch)
    # A user's own Dagster instance has runs of other code, too: there its owner clears up.
    is_ours = Path(instance.storage_directory()).parent == settings.dagster_home
    since = oldest.replace(tzinfo=ZoneInfo(settings.timezone))
    return Pruned(
        runs=_delete_runs(instance, since, run_id) if is_ours else 0,
        loads=_delete_loads(con, oldest),
    )


def _clear_scratch(scratch: Path) -> None:
    """Deletes everything there: since we hold the lock, it was left by a run that was killed."""
    for path in scratch.iterdir() if scratch.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _delete_runs(instance: dg.DagsterInstance, oldest: datetime, run_id: str) -> int:
    """Deletes Dagster's record, log and output of every older run, even if it was killed."""
    known = [record.asset_entry for record in instance.get_asset_records()]
    # Dagster's `last_run_id` of a table may be a run that only planned to make it.
    made = [entry.last_materialization_record for entry in known]
    latest = {entry.last_run_id for entry in known} | {each.run_id for each in made if each}
    before = dg.RunsFilter(created_before=oldest.astimezone(UTC))
    old = [
        record.dagster_run.run_id
        for record in instance.get_run_records(before)
        if record.dagster_run.run_id not in {*latest, run_id}
    ]
    storage = Path(instance.storage_directory())
    for each in old:
        instance.delete_run(each)
        shutil.rmtree(storage / each, ignore_errors=True)
        for ending in ("", "-wal", "-shm"):
            # Dagster empties a run's own database and leaves the file.
            (storage.parent / "history" / "runs" / f"{each}.db{ending}").unlink(missing_ok=True)
    return len(old)


def _delete_loads(con: duckdb.DuckDBPyConnection, oldest: datetime) -> int:
    """Deletes old log rows, except a file's last and the one that tells what bronze holds of it."""
    forgotten = con.execute(
        """
        delete from bronze.load_log
        where
            finished_at < ?
            and rowid not in (select max(rowid) from bronze.load_log group by path)
            and rowid not in (
                select max(rowid) from bronze.load_log
                where status in ('loaded', 'repeated') group by path
            )
        """,
        [oldest],
    ).fetchall()
    return int(forgotten[0][0])
