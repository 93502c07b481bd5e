"""What sells, with what, and from whom."""

from pathlib import Path

from c360_dashboard.queries import customer, products
from c360_dashboard.snapshot import Reader
from tests.dashboard.queries.chosen import chosen, pairs
from tests.dashboard.small_snapshot import open_snapshot, rows


def test_products_sell_by_line(reader: Reader) -> None:
    found = products.load(reader, chosen())
    assert pairs(found.categories, "category", "revenue") == {"Footwear": 120, "Home": 80}
    assert pairs(found.categories, "category", "margin_rate") == {"Footwear": 0.25, "Home": 0.25}
    assert pairs(found.products, "product_name", "units") == {"Boot": 4, "Lamp": 4}
    narrow = products.load(reader, chosen(personas=("Premium but At-Risk",)))
    assert narrow.affinity["category"].to_list() == ["Home"]


def test_orders_without_known_products_are_shown_apart(tmp_path: Path) -> None:
    """Otherwise the categories' revenue is less than the overview's, and nothing says why."""
    sold = rows()
    known, other, *_ = sold["fct_orders"]
    sold["fct_orders"] += [
        known | {"order_id": "wb-1", "lines": 0, "net_amount": 7},
        other | {"order_id": "wb-2", "lines": 0, "net_amount": 5},
        known | {"order_id": "wb-3", "lines": 0, "is_counted": False},
    ]
    with open_snapshot(tmp_path, sold) as opened:
        missing = products.load(opened, chosen()).without_lines
        online = products.load(opened, chosen(channels=("online",))).without_lines
    assert (missing["orders"], missing["revenue"]) == (2, 12)
    assert (online["orders"], online["revenue"]) == (1, 5)


def test_a_suppliers_margin_is_of_the_products_whose_cost_is_known(tmp_path: Path) -> None:
    """A supplier whom the suppliers' file does not name is shown by its id."""
    supplied = rows() | {
        "supplier_performance": [{"supplier_id": "V1", "revenue": 400, "margin": 50}],
        "product_performance": [
            {"product_id": "P1", "revenue": 100, "margin": 50},
            {"product_id": "P2", "revenue": 300, "margin": None},
        ],
    }
    supplied["dim_products"] = [
        row | {"primary_supplier_id": "V1"} for row in supplied["dim_products"]
    ]
    with open_snapshot(tmp_path, supplied) as opened:
        found = products.load(opened, chosen()).suppliers
    assert found.select("supplier_name", "revenue", "margin_rate").rows() == [("V1", 400, 0.5)]


def test_products_and_stores_without_a_name_show_their_ids(tmp_path: Path) -> None:
    given = rows() | {"dim_products": [{"product_id": "P1"}]}
    for row in given["mart_customer_360"]:
        row["store_id"] = "ST1"
    with open_snapshot(tmp_path, given, shows_personal_data=False) as reader:
        best = products.load(reader, chosen()).products
        found = customer.load(reader, "C1")
    assert sorted(best["product_name"]) == ["P1", "P2"]
    assert found.suggestions["product_name"].to_list() == ["P2"]
    assert found.person["store_name"] == "ST1"
