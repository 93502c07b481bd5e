"""Columns are traced through queries; each SQL construct has an example worked by hand."""

import pytest

from c360_dagster.dbt_runner.lineage import Column
from c360_dagster.dbt_runner.tracing import trace_columns

COLUMNS = {"s": {"orders": ["order_id", "customer_id", "amount"], "people": ["id", "name"]}}
ORDER, CUSTOMER, AMOUNT = (("s", "orders", name) for name in ("order_id", "customer_id", "amount"))
ID, NAME = ("s", "people", "id"), ("s", "people", "name")


@pytest.mark.parametrize(
    ("sql", "sources"),
    [
        ('select amount as x from "db"."s"."orders"', [AMOUNT]),
        ("with o as (select * from s.orders) select o.amount + 1 as x from o", [AMOUNT]),
        # a join's key selects rows but makes no value
        ("select p.name as x from s.orders o join s.people p on o.customer_id = p.id", [NAME]),
        ("select case when o.amount > 0 then o.order_id end as x from s.orders o",
         [AMOUNT, ORDER]),
        (("with u as (select id as a from s.people union all select customer_id from s.orders) "
         "select a as x from u"), [CUSTOMER, ID]),
        ("select row_number() over (partition by customer_id order by amount) as x from s.orders",
         [AMOUNT, CUSTOMER]),
        ("select (select max(name) from s.people) as x from s.orders", [NAME]),
        ("select id as x from (select id, name from s.people) as q", [ID]),
        ("select 'word' as x from s.orders", []),
        # count(*) is traced to the table's first column, or to what its rows were grouped by
        ("select count(*) as x from s.orders", [ORDER]),
        ("with d as (select distinct customer_id from s.orders) select count(*) as x from d",
         [CUSTOMER]),
        (("with g as (select customer_id, sum(amount) as a from s.orders group by customer_id), "
         "h as (select * from g) select count(*) as x from h"), [CUSTOMER]),
        (("with u as (select id as n from s.people union all select order_id from s.orders) "
         "select count(*) as x from u"), [ORDER, ID]),
        ("select count(amount) as x from s.orders", [AMOUNT]),
        ('with o as (select * from "db"."s"."orders") select amount as x from o', [AMOUNT]),
        # DuckDB's own syntax, in which upper and lower case do not matter
        ('from s.orders select "Amount" // 2 as x', [AMOUNT]),
        # the same alias names another table in the subquery
        (("select (select max(o.name) from s.people as o where o.id > 0) as x "
         "from s.orders as o"), [NAME]),
        ("select n as x from range(3) as t(n)", []),
        # columns and tables that nobody declared
        ("select o.amount as x from s.orders as o where unheard_of > 0", [AMOUNT]),
        ("with o as (select * from s.unheard_of) select o.amount as x from o", []),
        (("with recursive r as (select id as n from s.people union all select n from r) "
         "select n as x from r"), [ID]),
    ],
)  # fmt: skip
def test_a_column_is_traced(sql: str, sources: list[Column]) -> None:
    assert trace_columns(sql, COLUMNS) == {"x": sorted(sources)}


def test_each_column_has_its_own_sources() -> None:
    inner = "select amount as a, customer_id as c from s.orders"
    sql = f"with o as ({inner}) select a as x, c as y from o"
    assert trace_columns(sql, COLUMNS) == {"x": [AMOUNT], "y": [CUSTOMER]}


@pytest.mark.parametrize("sql", ["select from where", "create table t (n integer)"])
def test_an_unreadable_query_has_no_lineage(sql: str) -> None:
    assert trace_columns(sql, COLUMNS) == {}
