"""Tracing columns through a query, each construct by hand."""

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
        # a join's key lets rows through and makes no value
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
        # rows are told apart by the table's first column, or by what they were grouped by
        ("select count(*) as x from s.orders", [ORDER]),
        ("with d as (select distinct customer_id from s.orders) select count(*) as x from d",
         [CUSTOMER]),
        (("with g as (select customer_id, sum(amount) as a from s.orders group by customer_id), "
         "h as (select * from g) select count(*) as x from h"), [CUSTOMER]),
        (("with recursive r as (select id as n from s.people union all select n from r) "
         "select n as x from r"), [ID]),
    ],
)  # fmt: skip
def test_a_column_is_traced(sql: str, sources: list[Column]) -> None:
    assert trace_columns(sql, COLUMNS) == {"x": sorted(sources)}


def test_what_cannot_be_read_has_no_lineage() -> None:
    assert trace_columns("select from where", COLUMNS) == {}
