"""Data health: what was published, whether the systems agree, how records became people."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.snapshot import Reader

# The tables that mark what happened after the as-of day, and none that is made of these.
DATED = (
    *("dim_customers", "fct_campaign_contacts", "fct_orders"),
    *("fct_sessions", "fct_shipments", "fct_support_tickets"),
)


@dataclass(frozen=True)
class Health:
    published: dict[str, Any]
    reconciliation: pl.DataFrame
    rules: pl.DataFrame
    review: pl.DataFrame
    merges: pl.DataFrame
    known_fields: pl.DataFrame
    future: pl.DataFrame
    tables: pl.DataFrame


def load(reader: Reader) -> Health:
    return Health(
        reader.row(
            "select *, (select count(*) from customer_identities) as records from publication"
        ),
        reader.frame(
            """
            select
                check_name, compared, differing, differing / nullif(compared, 0) as share,
                largest_difference
            from reconciliation
            order by differing > 0 desc, share desc nulls last, check_name
            """
        ),
        reader.frame(
            """
            select
                coalesce(match_rule, 'unknown') as rule,
                count(*) as records,
                count(distinct customer_id) as customers,
                min(match_probability) as least_probability
            from customer_identities
            group by rule
            order by records desc, rule
            """
        ),
        reader.frame(
            """
            select
                left_system || ' ' || left_id as left_record,
                right_system || ' ' || right_id as right_record,
                reason, match_probability, left_customer_id, right_customer_id, suggestion
            from identity_review
            order by match_probability desc nulls last, left_record, right_record
            """
        ),
        reader.frame(
            """
            select found_on, kind, from_id, to_id, why
            from customer_merges
            order by found_on desc, kind, from_id, to_id
            limit 50
            """
        ),
        _known_fields(reader),
        _future(reader),
        reader.frame(
            """
            select table_name, estimated_size as rows, column_count as columns
            from duckdb_tables()
            where database_name = 'c360' and schema_name = 'gold'
            order by table_name
            """
        ),
    )


def _known_fields(reader: Reader) -> pl.DataFrame:
    """Counts, for each field, the customers for whom it is known."""
    fields = {
        "First name": "first_name",
        "Last name": "last_name",
        "E-mail": "email",
        "Phone": "phone",
        "Date of birth": "date_of_birth",
        "Address": "address_line1",
        "State": "state",
        "Loyalty tier": "loyalty_tier",
        "Registration": "registered_at",
    }
    counts = ", ".join(f'count({column}) as "{name}"' for name, column in fields.items())
    found = reader.row(f"select count(*) as customers, {counts} from dim_customers")
    customers = found.pop("customers")
    return pl.DataFrame(
        {
            "what": list(found),
            "known": list(found.values()),
            "share": [known / customers if customers else None for known in found.values()],
        },
        schema={"what": pl.String, "known": pl.Int64, "share": pl.Float64},
    )


def _future(reader: Reader) -> pl.DataFrame:
    """Counts the events dated after the as-of day; they are kept, but not counted anywhere else."""
    return reader.frame(
        " union all ".join(
            f"select '{table}' as table_name, count(*) filter (is_after_as_of) as later, "
            f"count(*) as rows from {table}"
            for table in DATED
        )
        + " order by table_name"
    )
