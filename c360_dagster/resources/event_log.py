"""Dagster's event log in SQLite, with one connection for each file instead of one for each event.

A new connection compiles each statement again and flushes the journal when it closes: with a
thousand events that costs more than the work. The events that a run plans are written together. If
dagster.yaml lacks the block for this class, Dagster's own class is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import (
    AssetKey,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
    EventLogRecord,
)
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log import (
    AssetKeyTable,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData, deserialize_value
from sqlalchemy import Connection, create_engine, event, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from c360_dagster.settings import batch_dagster_events

COMPLETED = [status.value for status in COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES]
OPEN_FILES = 8
"""How many files to keep open: a server looks at the files of many runs."""


class OneEngineEventLogStorage(SqliteEventLogStorage):
    """Stores the log where Dagster's own class would: in the folder of its instance.

    If DAGSTER_HOME is not set, that folder is a temporary one, so no file can name it beforehand.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Any,  # noqa: ANN401, ARG003  as Dagster declares it
    ) -> "OneEngineEventLogStorage":
        return cls(inst_data)

    def register_instance(self, instance: DagsterInstance) -> None:
        runs = Path(instance.storage_directory()).parent / "history" / "runs"
        super().__init__(str(runs), self._inst_data)
        super().register_instance(instance)
        batch_dagster_events()

    @cached_property
    def _connections(self) -> dict[str, Connection]:
        return {}

    @cached_property
    def _existing(self) -> set[str]:
        """Tables and columns that are known to exist."""
        return set()

    @cached_property
    def _last_materializations(self) -> dict[AssetKey | None, tuple[str, EventLogRecord]]:
        """Each asset's last materialization, as written in its row and as an object."""
        return {}

    def has_table(self, table_name: str) -> bool:
        """Remembers the answer: Dagster asks at each event of a check, with a new engine."""
        if table_name not in self._existing and super().has_table(table_name):
            self._existing.add(table_name)
        return table_name in self._existing

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Remembers the answer: Dagster reads the columns anew at each event of an asset."""
        if column_name in self._existing:
            return True
        has_column = super()._has_asset_key_col_on_connection(conn, column_name)
        if has_column:
            self._existing.add(column_name)
        return has_column

    def _get_asset_entry_values(self, event: EventLogEntry, event_id: int, *how: bool) -> Any:  # noqa: ANN401
        """Returns the values for the asset's row, and remembers the materialization in them."""
        values = super()._get_asset_entry_values(event, event_id, *how)
        if written := values.get("last_materialization"):
            key = event.get_dagster_event().asset_key
            self._last_materializations[key] = written, EventLogRecord(event_id, event)
        return values

    def _get_latest_materialization_records(
        self, raw_asset_rows: Sequence[Mapping[str, Any]]
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        """Remembers the answer: Dagster asks at each check, mostly for what was just written.

        Dagster's own method unpacks the row each time, and searches the log even if the row has a
        materialization.
        """
        found: dict[AssetKey, EventLogRecord | None] = {}
        others = []
        for row in raw_asset_rows:
            key, written = AssetKey.from_db_string(row["asset_key"]), row["last_materialization"]
            if not key or not written or row["asset_details"]:  # details: it was wiped once
                others.append(row)
                continue
            if self._last_materializations.get(key, ("",))[0] != written:
                self._last_materializations[key] = (
                    written,
                    deserialize_value(written, EventLogRecord),
                )
            found[key] = self._last_materializations[key][1]
        return {**found, **super()._get_latest_materialization_records(others)} if others else found

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Writes what a run plans, some 450 assets and checks, together.

        That takes four statements instead of four for each.
        """
        if not all(_is_plan(each.get_dagster_event()) for each in events):
            super().store_event_batch(events)
            return
        rows = [self._event_to_row(each) for each in events]
        with self.index_connection() as conn:
            log = SqlEventLogStorageTable
            numbered = log.insert().returning(log.c.id, sort_by_parameter_order=True)
            ids: Sequence[int] = conn.execute(numbered, rows).scalars().all()
            has_times = self._has_asset_key_index_cols_on_connection(conn)
            assets, checks = [], []
            for each, row, number in zip(events, rows, ids, strict=True):
                if row["asset_key"]:
                    values = self._get_asset_entry_values(each, number, has_times)
                    assets.append({"asset_key": row["asset_key"], **values})
                else:
                    checks.append(_plan_check(each.get_dagster_event(), row, number))
            if assets:
                insert = sqlite.insert(AssetKeyTable)
                values = {name: insert.excluded[name] for name in assets[0]}
                conn.execute(insert.on_conflict_do_update(["asset_key"], set_=values), assets)
            if checks:
                conn.execute(AssetCheckExecutionsTable.insert(), checks)
        with self.run_connection(events[0].run_id) as conn:
            conn.execute(SqlEventLogStorageTable.insert(), rows)

    def delete_events_for_run(self, conn: Connection, run_id: str) -> None:
        """Also deletes the run's check results, except each check's last; Dagster keeps all."""
        super().delete_events_for_run(conn, run_id)
        check = AssetCheckExecutionsTable.c
        last = (
            select(func.max(check.id))
            .where(check.execution_status.in_(COMPLETED))
            .group_by(check.asset_key, check.check_name)
        )
        conn.execute(
            AssetCheckExecutionsTable.delete().where(check.run_id == run_id, check.id.not_in(last))
        )

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            connection = self._connections.pop(shard, None) or self._open(shard)
            self._connections[shard] = connection
            while len(self._connections) > OPEN_FILES:
                _close(self._connections.pop(next(iter(self._connections))))
            with connection.begin():
                yield connection

    def _open(self, shard: str) -> Connection:
        """Opens a connection that all threads share; `_connect` locks it for one at a time."""
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )
        event.listen(engine, "connect", _trust_the_journal)
        self._initdb(engine)
        return engine.connect()

    def dispose(self) -> None:
        while self._connections:
            _close(self._connections.popitem()[1])
        super().dispose()


def _is_plan(event: DagsterEvent) -> bool:
    if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        return event.asset_check_planned_data.partitions_subset is None
    return event.event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED


def _plan_check(event: DagsterEvent, row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The row, as Dagster writes it, of a check that a run is going to make."""
    return {
        "asset_key": event.asset_check_planned_data.asset_key.to_string(),
        "check_name": event.asset_check_planned_data.check_name,
        "run_id": row["run_id"],
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": number,
    }


def _close(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _trust_the_journal(connection: Any, _record: Any) -> None:  # noqa: ANN401
    """Lets events not wait until the disk confirms them; the write-ahead journal makes that safe.

    Temporary data of sorting stays in memory: it is little, and the disk of TMPDIR may be full.
    """
    connection.execute("pragma synchronous = normal")
    connection.execute("pragma temp_store = memory")
