"""No value in any one cell stops the pipeline: impossible ones are rejected, all others count.

Users' files hold barcodes as quantities, days in the year 9999, names of five thousand letters.
Each column of each CSV file gets its type's most unlikely values, one row for each; and one
customer has ten orders of three lines, all of the largest amount.
"""

import csv
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from landing_contract import Table, read_contract
from tests.counted import run_pipeline
from tests.pipeline_runs import copy_home, rows

VALUES = {
    "bigint": ("999999999999", "-999999999999", "4006381333931", "9223372036854775807", "0"),
    "decimal": ("999999999999.99", "-999999999999.99", "150000000", "1e13", "NaN", "inf", "0"),
    "date": ("0001-01-01", "9999-12-31", "1900-02-28", "infinity"),
    "timestamp": (
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "-infinity",
        "290000-01-01 00:00:00",
    ),
    "boolean": ("true", "false"),
    "varchar": (
        "",
        " ",
        "'; drop table x --",
        "\U0001f600" * 50,
        "x" * 5000,
        "null",
        "0",
        "\\N",
        "a\tb",
    ),
}
STOPPING = {"currency"}
"""Columns left as they are: amounts in a currency without a rate stop a run on purpose."""


@pytest.fixture(scope="module")
def home(home_after_first_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = copy_home(home_after_first_run, tmp_path_factory.mktemp("extremes"))
    for table in read_contract().values():
        files = sorted((home / "landing" / table.folder).glob(f"{table.name}*.csv"))
        if files:
            add_extremes(files[0], table)
    add_orders_of_many_lines(home / "landing" / "sales")
    return home


def add_orders_of_many_lines(sales: Path) -> None:
    """Adds orders whose averages, and the forecasts from them, are larger than any one amount."""
    most = VALUES["decimal"][0]
    with (sales / "transactions.csv").open(newline="") as lines:
        customer = next(csv.DictReader(lines))["customer_id"]
    (sales / "transactions_many lines.csv").write_text(
        "transaction_id,customer_id,transaction_date,subtotal,tax_amount,discount_amount,"
        "total_amount,status\n"
        + "".join(f"M{day},{customer},2025-03-1{day},{most},0,0,{most},\n" for day in range(10))
    )
    (sales / "transaction_items_many lines.csv").write_text(
        "item_id,transaction_id,product_id,quantity,unit_price,line_total,discount_applied\n"
        + "".join(f"M{line},M{line % 10},P,1,{most},{most},0\n" for line in range(30))
    )


def add_extremes(file: Path, table: Table) -> None:
    """Adds a second file, whose rows are copies of the first file's with one cell changed each."""
    with file.open(newline="") as lines:
        header, *known = islice(csv.reader(lines), 300)
    with file.with_name(f"{table.name}_2025-03-31.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(header)
        for column in table.columns:
            if column.name not in header or column.name in STOPPING:
                continue
            for number, value in enumerate(VALUES[column.type.split("(")[0]]):
                row = dict(zip(header, known[number % len(known)], strict=False))
                for place, key in enumerate(table.key):
                    row[key] = row[key] if place else f"{column.name} {number}"
                writer.writerow((row | {column.name: value}).values())


def test_no_extreme_value_in_a_cell_stops_the_pipeline(home: Path) -> None:
    run_pipeline(home)
    rejected = "select count(*) > 0 from bronze.rejected_rows where path like '%_2025-03-31.csv'"
    assert rows(home, rejected) == [(True,)]
    unaccounted = "select path from bronze.load_log where rows_read <> rows_loaded + rows_rejected"
    assert rows(home, unaccounted) == []
    assert rows(home, "select max(total_amount) from gold.fct_orders") == [
        (Decimal("999999999999.99"),)
    ]
    averages = "select max(avg_order_value) > 999999999999.99 from gold.customer_lifetime_value"
    assert rows(home, averages) == [(True,)]
