"""A handmade published snapshot with a few customers, and audiences over it."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from c360_dagster.audiences.declarations import Audience, Purpose
from c360_dagster.audiences.export import Export, build_export, write_files
from c360_dagster.audiences.members import candidates_sql, check_audience
from c360_dagster.delivery.exports import ExportFolder

MARKETING = Purpose("marketing", needs_consent=True)
SERVICE = Purpose("service", needs_consent=False, because="It sells nothing.")
COLUMNS = {
    "customer_id": "string",
    "total_orders": "bigint",
    "favourite_category": "string",
    "clv_12m": "decimal(18, 2)",
    "as_of_date": "date",
}
Consent = tuple[str, str, bool]


def audience(name: str = "fans", **fields: object) -> Audience:
    """Returns an audience: all who ordered, by e-mail, nobody held out, changed by `fields`."""
    values = {
        "description": "Those who buy.",
        "condition": "total_orders > 0",
        "purpose": MARKETING,
        "channel": "email",
        "holdout": 0.0,
    } | fields
    return Audience(name=name, **values)  # type: ignore[arg-type]


def publish_gold(
    published: Path,
    as_of: str,
    customers: Iterable[str],
    consents: Iterable[Consent] | None = None,
    category: str = "Toys",
) -> None:
    """Publishes customers with one order and an address each; by default all have consented."""
    published.mkdir(parents=True, exist_ok=True)
    path = published / "c360.duckdb"
    path.unlink(missing_ok=True)
    names = sorted(customers)
    said = [(name, "marketing_email", True) for name in names]
    said = said if consents is None else list(consents)
    with duckdb.connect(str(path)) as con:
        con.execute("create schema gold")
        con.execute(
            """
            create table gold.publication (as_of_date date);
            create table gold.customer_consents (
                customer_id varchar, purpose varchar, is_granted boolean);
            create table gold.mart_customer_360 (
                customer_id varchar, total_orders bigint, favourite_category varchar,
                clv_12m decimal(18, 2), as_of_date date);
            create table gold.dim_customers (
                customer_id varchar, email varchar, phone varchar, is_phone_valid boolean,
                address_line1 varchar, first_name varchar, last_name varchar, city varchar,
                state varchar, zip_code varchar, country varchar)
            """
        )
        con.execute("insert into gold.publication values (?)", [as_of])
        if said:
            con.execute(
                "insert into gold.customer_consents select unnest(?), unnest(?), unnest(?)",
                [list(each) for each in zip(*said, strict=True)],
            )
        if names:
            con.execute(
                "insert into gold.mart_customer_360 select unnest(?), 1, ?, 12.50, cast(? as date)",
                [names, category, as_of],
            )
            con.execute(
                "insert into gold.dim_customers by name select name as customer_id, "
                "name || '@example.com' as email, '15550100' as phone, true as is_phone_valid, "
                "'1 Elm Street' as address_line1, 'Salem' as city from (select unnest(?) as name)",
                [names],
            )


def ask(published: Path, who: Audience) -> pl.DataFrame:
    """Returns the candidates of an audience in the snapshot."""
    condition = check_audience(who, COLUMNS, "my.yml")
    with duckdb.connect(str(published / "c360.duckdb"), read_only=True) as con:
        found: pl.DataFrame = con.sql(candidates_sql(who, condition)).pl()
    return found


def candidates(
    members: str, control: str = "", left_out: dict[str, str] | None = None, **more: str
) -> pl.DataFrame:
    names = [*members.split(), *(left_out or {})]
    return pl.DataFrame(
        {
            "customer_id": names,
            "left_out": [(left_out or {}).get(name) for name in names],
            "is_control": [name in control.split() for name in names],
            **{column: [value] * len(names) for column, value in more.items()},
        },
        schema_overrides={
            "customer_id": pl.String,
            "left_out": pl.String,
            "is_control": pl.Boolean,
        },
    )


def export(folder: Path, day: date, members: str, who: Audience | None = None) -> Export:
    """Makes a day's export and writes it where the next one looks for it."""
    place = ExportFolder(folder)
    made = build_export(who or audience(), day, candidates(members), place.find_previous(day))
    place.write(day, write_files(made))
    return made
