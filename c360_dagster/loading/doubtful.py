"""Fills the table `doubtful`: records that the reader rejects or reads too leniently.

Records whose cells can be told apart are read once more, as text; the others are broken.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb
import polars as pl

from c360_dagster.loading import casting
from c360_dagster.loading.columns import BYTE_ORDER_MARK, Layout, Plan
from c360_dagster.loading.repair import MISPLACED, TOO_LONG, Found, Repaired
from c360_dagster.sql import fetch_count, literal, quote
from landing_contract import Table

DOUBTFUL_COLUMNS = (
    "record bigint, line bigint, raw text, is_cut boolean, is_broken boolean, reason text"
)
KEPT_BYTES = 10_000
"""How many bytes the reader keeps of a line that it rejects."""

Fetch = Callable[[Sequence[int]], Iterable[Found]]
"""Reads the records with these numbers, which must ascend, from the file."""


def collect_rejected(con: duckdb.DuckDBPyConnection, errors: str) -> None:
    """Fills `doubtful` with one row for each record that the reader rejected.

    `is_broken` says that the record's cells cannot be told apart.
    """
    con.execute(f"create or replace temporary table doubtful ({DOUBTFUL_COLUMNS})")
    if not fetch_count(con, "select count(*) from reject_errors"):
        return
    con.execute(
        f"""
        insert into doubtful
        select
            cast(record as bigint) as record,
            min(cast(file_line as bigint)) as line,
            trim(min(csv_line), chr(10) || chr(13)) as raw,
            strlen(min(csv_line)) >= {KEPT_BYTES}
                or bool_or(error_type = 'INVALID ENCODING') as is_cut,
            bool_or(error_type <> 'CAST') as is_broken,
            case min(error_type::varchar) filter (error_type <> 'CAST')
                when 'MISSING COLUMNS' then
                    'the line has '
                    || min(try_cast(regexp_extract(error_message, 'Found: ([0-9]+)', 1) as bigint))
                    || ' of '
                    -- max: the message about an unreadable cell of the line has no number here
                    || max(regexp_extract(error_message, 'Columns: ([0-9]+)', 1))
                    || ' columns'
                when 'TOO MANY COLUMNS' then 'the line has more columns than the header'
                when 'INVALID ENCODING' then 'the line is not written in UTF-8'
                when 'LINE SIZE OVER MAXIMUM' then '{TOO_LONG}'
                else '{MISPLACED}'
            end as reason
        from ({errors})
        group by record
        """
    )


def collect_repaired(con: duckdb.DuckDBPyConnection, repaired: Repaired) -> None:
    """The same for a repaired file, whose records are found by their first byte."""
    # Imported here because numpy is slow to import and few files need repair.
    import numpy as np  # noqa: PLC0415

    starts = pl.DataFrame(
        {
            "record": range(1, repaired.records + 1),
            "file_line": np.frombuffer(repaired.line_of, dtype=np.int64),
            "start": np.frombuffer(repaired.start_of, dtype=np.int64),
        }
    )
    con.register("starts", starts)
    collect_rejected(
        con,
        "select reject_errors.*, starts.record, starts.file_line from reject_errors "
        "asof join starts on reject_errors.line_byte_position - 1 >= starts.start",
    )


def mark_broken(con: duckdb.DuckDBPyConnection, repaired: Repaired) -> None:
    """Adds to `doubtful` the text and the reason of the records that the repair replaced.

    The empty rows in their place are in `doubtful` by now, because their key is empty.
    """
    broken = pl.DataFrame(
        {
            "record": list(repaired.broken),
            "raw": [each.text for each in repaired.broken.values()],
            "reason": [each.reason for each in repaired.broken.values()],
        },
        schema={"record": pl.Int64, "raw": pl.String, "reason": pl.String},
    )
    con.register("broken", broken)
    con.execute(
        "update doubtful set raw = broken.raw, is_broken = true, reason = broken.reason, "
        "is_cut = false from broken where doubtful.record = broken.record"
    )


def move_unsound_rows(
    con: duckdb.DuckDBPyConnection,
    fetch: Fetch,
    table: Table,
    plan: Plan,
    header: Sequence[str],
) -> None:
    """Moves rows that read too easily (3.7 as a whole number, an empty key) to `doubtful`."""
    _number_rows(con)
    conditions = [
        # the header repeated among the rows
        f"{quote(column.name)} in ({literal(written)}, {literal(BYTE_ORDER_MARK + written)})"
        for column, written in zip(plan.layout.positions, header, strict=True)
        if column and column.name in table.key and column.type == "varchar"
    ]
    for column in plan.layout.declared:
        doubt = casting.is_doubtful(column, as_text=column.name in plan.as_text)
        empty = casting.is_empty(column) if column.name in table.key else None
        conditions += [condition for condition in (doubt, empty) if condition]
    condition = " or ".join(f"coalesce({condition}, false)" for condition in conditions)
    con.execute(
        "create or replace temporary table unsound as "
        f"select rowid as staged_row from staged where {condition}"
    )
    numbered = "from unsound asof left join shifts on unsound.staged_row >= shifts.first_row"
    records = con.sql(
        f"select staged_row + 1 + coalesce(skipped, 0) as record {numbered} order by record"
    ).pl()
    if records.is_empty():
        return
    con.execute("delete from staged where rowid in (select staged_row from unsound)")
    _register_found(con, fetch(records["record"].to_list()))
    con.execute("insert into doubtful select record, line, raw, false, false, null from found")


def _number_rows(con: duckdb.DuckDBPyConnection) -> None:
    """Fills `shifts`: from the staged row `first_row` on, `skipped` earlier records are missing."""
    con.execute(
        """
        create or replace temporary table shifts as
        select record - place as first_row, max(place) as skipped
        from (select record, row_number() over (order by record) as place from doubtful)
        group by first_row
        """
    )


def complete_cut_records(con: duckdb.DuckDBPyConnection, fetch: Fetch) -> None:
    """Fetches the whole text of records of which the reader kept only a part or not all letters."""
    query = "select record from doubtful where is_cut order by record"
    cut = [record for (record,) in con.execute(query).fetchall()]
    if cut:
        _register_found(con, fetch(cut))
        con.execute(
            "update doubtful set raw = found.raw from found where doubtful.record = found.record"
        )


def _register_found(con: duckdb.DuckDBPyConnection, texts: Iterable[Found]) -> None:
    schema = {"record": pl.Int64, "line": pl.Int64, "raw": pl.String}
    con.register("found", pl.DataFrame([*texts], schema=schema, orient="row"))


def fill_texts(con: duckdb.DuckDBPyConnection, layout: Layout, scratch: Path) -> bool:
    """Fills `texts` with the doubtful records, every cell as text, for a lenient second look.

    Returns False if there are none, as in most files: the second look can then be left out, which
    saves time because planning it takes as long for no rows as for some.
    """
    if not fetch_count(con, "select count(*) from doubtful where not is_broken"):
        return False
    con.execute(
        f"copy (select raw from doubtful where not is_broken order by record) to "
        f"{literal(str(scratch))} (header false, quote '', escape '', delimiter '\x01')"
    )
    types = ", ".join(f"{literal(name)}: 'varchar'" for name in layout.names)
    columns = ", ".join(quote(column.name) for column in layout.declared)
    con.execute(
        f"""
        create or replace temporary table cells as
        select {columns}
        from read_csv(
            {literal(str(scratch))}, columns = {{{types}}}, header = false, auto_detect = false,
            delim = ',', quote = '"', escape = '"', hive_partitioning = false
        )
        """
    )
    con.execute(
        """
        create or replace temporary table texts as
        select doubted.record, doubted.line, doubted.raw, cells.*
        from cells
        join (
            select record, line, raw, row_number() over (order by record) - 1 as place
            from doubtful
            where not is_broken
        ) as doubted on cells.rowid = doubted.place
        """
    )
    return True
