"""An accepted condition means in DuckDB what it says; any other is refused in one sentence."""

from collections.abc import Iterator

import duckdb
import pytest

from c360_dagster.audiences.conditions import ConditionError, check_condition

COLUMNS = {
    "total_orders": "bigint",
    "churn_risk": "double",
    "clv_12m": "decimal(18, 2)",
    "loyalty_tier": "string",
    "is_inferred": "boolean",
    "last_order_date": "timestamp",
    "as_of_date": "date",
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three customers: ann bought much, bob bought once, and nothing is known of cem."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table mart (
                customer_id varchar, total_orders bigint, churn_risk double,
                clv_12m decimal(18, 2), loyalty_tier varchar, is_inferred boolean,
                last_order_date timestamp, as_of_date date
            )
            """
        )
        connection.execute(
            """
            insert into mart values
                ('ann', 9, 0.1, 900, 'Gold', false, '2026-06-20 10:00:00', '2026-06-30'),
                ('bob', 1, 0.7, 15.5, 'Silver', false, '2026-01-02 10:00:00', '2026-06-30'),
                ('cem', 0, 1.0, null, null, true, null, '2026-06-30')
            """
        )
        yield connection


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ("total_orders = 1 and churn_risk >= 0.5", "bob"),
        ("loyalty_tier in ('Gold', 'Platinum') or is_inferred", "ann cem"),
        ("not is_inferred", "ann bob"),
        ("loyalty_tier is null", "cem"),
        ("loyalty_tier not in ('Gold')", "bob"),
        ("loyalty_tier is distinct from 'Gold'", "bob cem"),
        ("coalesce(clv_12m, 0) between 0 and 20", "bob cem"),
        ("clv_12m / total_orders > 50", "ann"),
        ("churn_risk / total_orders > 0.5", "bob"),
        ("10 % total_orders = 1 or 1 % (total_orders * 0) = 0", "ann"),
        ("lower(loyalty_tier) like 'g%'", "ann"),
        ("date_diff('day', last_order_date, as_of_date) > 100", "bob"),
        ("last_order_date < date '2026-02-01'", "bob"),
        ("last_order_date >= '2026-06-01'", "ann"),
        ("last_order_date <= date '2026-06-20' and last_order_date <> '2026-01-02'", "ann"),
        ("last_order_date between '2026-01-02' and '2026-01-02'", "bob"),
        ("Total_Orders > 0 AND NOT (CHURN_RISK > .5)", "ann"),
        ("round(churn_risk, 0) = 1 and abs(-total_orders) % 2 = 1", "bob"),
        ("true", "ann bob cem"),
    ],
)
def test_a_condition_means_what_it_says(
    con: duckdb.DuckDBPyConnection, condition: str, members: str
) -> None:
    sql = check_condition(condition, COLUMNS, "mart")
    found = con.execute(f"select customer_id from mart where {sql} order by 1").fetchall()
    assert " ".join(name for (name,) in found) == members


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("chrun_risk > 0.5", "there is no column 'chrun_risk' in mart; did you mean churn_risk"),
        ('loyalty_tier = "Gold"', "there is no column 'Gold' in mart (text stands in single"),
        ("churn_risk > 'high'", "churn_risk is a number and 'high' is text"),
        ("loyalty_tier = 3", "loyalty_tier is text and 3 is a number"),
        ("'3' = loyalty_tier and 'x' = total_orders", "total_orders is a number and 'x' is text"),
        ("loyalty_tier in ('Gold', 2)", "loyalty_tier is text and 2 is a number"),
        ("last_order_date > 'yesterday'", "last_order_date is a date and 'yesterday' is text"),
        ("last_order_date > '2026-06-20 09:00'", "a date and '2026-06-20 09:00' is text"),
        ("last_order_date > '20260620'", "a date and '20260620' is text"),
        ("as_of_date > date '2026-13-01'", "`'2026-13-01'` is no date such as"),
        ("clv_12m = null", "is true of nobody: write is null"),
        ("total_orders", "`total_orders` is a number"),
        ("total_orders and is_inferred", "wants true or false, and total_orders is a number"),
        ("abs(loyalty_tier) > 1", "wants a number, and loyalty_tier is text"),
        ("date_diff('hour', last_order_date, as_of_date) > 1", "day, week, month, year"),
        ("mart.total_orders > 1", "write the column alone"),
        ("total_orders >", "it cannot be read from '>' on (character 14)"),
        ("total_orders > 1 total_orders", "cannot be read from 'total_orders' on"),
        ("loyalty_tier = 'Gold", "a quote is opened and not closed"),
        ("", "it must be one expression"),
        (" or ".join(["total_orders = 1"] * 5000), "it is too long: name many values with in"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_column(condition: str, said: str) -> None:
    with pytest.raises(ConditionError) as raised:
        check_condition(condition, COLUMNS, "mart")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "condition",
    [
        "true; drop table mart",
        "true) or (select true",
        "total_orders > 1 -- and churn_risk > 0.5",
        "total_orders > 1 /* and churn_risk > 0.5 */",
        "-- total_orders > 1",
        "total_orders in (select 1)",
        "exists(select 1)",
        "(select max(churn_risk) from mart) > 0",
        "total_orders > any(select 1)",
        "read_csv('/etc/passwd') = 'x'",
        "getenv('HOME') = 'x'",
        "count(*) > 1",
        "sum(total_orders) over () > 1",
        "random() > 0.5",
        "current_date > as_of_date",
        "now() > last_order_date",
        "columns('x') = 1",
        "total_orders = ?",
        "total_orders = $1",
        "cast(loyalty_tier as date) > as_of_date",
        "case when is_inferred then true end",
        "true union all select true",
        "true order by 1",
        "true limit 1",
        "loyalty_tier || 'x' = 'y'",
        "[x for x in [1]] = [1]",
        "{'a': 1}.a = 1",
        "loyalty_tier similar to 'x'",
        "*",
    ],
)
def test_any_other_sql_is_refused(condition: str) -> None:
    with pytest.raises(ConditionError):
        check_condition(condition, COLUMNS, "mart")


def test_a_text_stays_a_text(con: duckdb.DuckDBPyConnection) -> None:
    hostile = "loyalty_tier = 'x'' or true -- /* */ ; drop table mart'"
    sql = check_condition(hostile, COLUMNS, "mart")
    assert con.execute(f"select count(*) from mart where {sql}").fetchall() == [(0,)]
