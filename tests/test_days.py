"""Days built one on the other give the same tables as a complete rebuild.

Rows come late, are corrected or arrive twice; files vanish; two people become one, and one two.
"""

import csv
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from c360_dagster.publishing import taking_over
from tests.days import Home, differing_in_files, differing_tables, rewrite

WINTER = date(2025, 2, 28)
ITEMS = "sales/transaction_items"
UNOPENED = (
    "select count(*) from silver.int_campaign_responses "
    "where contact_group = 'treatment' and opens = 0 and last_date = date '2025-03-02'"
)
OVERDUE = "select count(*) from gold.fct_shipments where shipment_id like 'due-%' and is_late"
Row = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]


def bring_late_and_corrected_rows(home: Home) -> None:
    """Adds, to a day's files, rows that were forgotten weeks ago and corrections of old rows."""
    landing = home.landing
    orders, lines = landing / "sales/transactions.csv", landing / f"{ITEMS}.csv"
    with orders.open(newline="") as file:
        clean = [row for row in csv.DictReader(file) if row["status"] == "completed"]
    corrected = {row["transaction_id"]: row for row in clean[:40]}
    refunded, moved = list(corrected)[:20], list(corrected)[20:]
    other = next(row["customer_id"] for row in reversed(clean) if row["customer_id"])

    def correct(row: Row) -> Row | None:
        if row["transaction_id"] in refunded:
            return row | {"status": "refunded"}
        return row | {"customer_id": other} if row["transaction_id"] in moved else None

    # These keys have no-break and ideographic spaces around them, as if copied from a spreadsheet.
    def forget(row: Row) -> Row | None:
        late = {"transaction_id": f"late-{row['transaction_id']}\u00a0"}
        return row | late if row["transaction_id"] in refunded else None

    def forget_line(row: Row) -> Row | None:
        late = {
            "item_id": f"\u3000late-{row['item_id']}",
            "transaction_id": f"late-{row['transaction_id']}",
        }
        return row | late if row["transaction_id"] in refunded else None

    rewrite(orders, landing / "sales/transactions_2025-03-01_corrected.csv", correct)
    rewrite(orders, landing / "sales/transactions_2025-03-01_late.csv", forget)
    rewrite(lines, landing / f"{ITEMS}_2025-03-01_late.csv", forget_line)
    # The corrected lines (ids that end in 7) have another product and a quantity of 3.
    rewrite(
        lines,
        landing / f"{ITEMS}_2025-03-01_corrected.csv",
        lambda row: (
            row | {"product_id": "P-unheard-of", "quantity": "3"}
            if row["item_id"].endswith("7")
            else None
        ),
    )


def hold_back_arrivals(home: Home) -> None:
    """Empties what became of every parcel; a file of 1 March names those that have arrived."""
    parcels, arrivals = home.landing / "logistic/shipments.csv", home.folder / "arrivals.csv"
    rewrite(parcels, arrivals, lambda row: row if row["actual_delivery"] else None)
    unknown = {"actual_delivery": "", "delivery_status": ""}
    rewrite(parcels, parcels, lambda row: row | unknown)


def send_parcels(home: Home) -> None:
    """Adds parcels that are due on 1 March; the carriers' file of 2 March does not arrive."""
    parcels = home.landing / "logistic/shipments"
    (home.folder / "arrivals.csv").rename(parcels.with_name("shipments_2025-03-01_arrivals.csv"))
    due = {"estimated_delivery": "2025-03-01", "actual_delivery": "", "delivery_status": ""}
    rewrite(
        parcels.with_suffix(".csv"),
        parcels.with_name("shipments_2025-03-01_due.csv"),
        lambda row: row | due | {"shipment_id": f"due-{row['shipment_id']}"},
    )


def plan_a_campaign(home: Home) -> None:
    """Adds a campaign whose days, and those of its contacts, are not known yet."""
    contacts = home.landing / "marketing/campaign_contacts"
    with (home.landing / "customer/customers.csv").open(newline="") as file:
        people = [row["customer_id"] for row in csv.DictReader(file)]
    rewrite(
        contacts.with_suffix(".csv"),
        contacts.with_name("campaign_contacts_2025-03-01_planned.csv"),
        lambda row: {
            "contact_id": f"planned-{row['contact_id']}",
            "campaign_id": "planned",
            "customer_id": people.pop(),
            "group": row["group"],
        },
    )
    date_the_campaign(home, "2025-03-01", begins="")


def date_the_campaign(home: Home, day: str, begins: str) -> None:
    campaigns = home.landing / "marketing/campaigns"
    rewrite(
        campaigns.with_suffix(".csv"),
        campaigns.with_name(f"campaigns_{day}_planned.csv"),
        lambda row: row | {"campaign_id": "planned", "start_date": begins, "end_date": ""},
    )


def repeat_a_file_and_lose_another(home: Home) -> None:
    sales = home.landing / "sales"
    shutil.copy(sales / "transactions_2025-03-01.csv", sales / "transactions_2025-03-01_again.csv")
    (home.landing / f"{ITEMS}_2025-03-01_late.csv").unlink()
    (sales / "transactions_2025-03-01_corrected.csv").unlink()


def change_products(home: Home) -> None:
    products = home.landing / "products"
    rewrite(
        products / "products.csv",
        products / "products_2025-03-02.csv",
        lambda row: (
            row | {"price": "99.99", "cost": "1.23", "category": "Toys of the day"}
            if row["product_id"].endswith("1")
            else None
        ),
    )


def change_people_and_campaigns(home: Home) -> None:
    """Adds an address from weeks ago that arrives only now, and changes of other tables.

    The changes are in loyalty tiers, consents, and the names and last days of campaigns.
    """

    def change(table: str, name: str, by: str, others: Row) -> None:
        rewrite(
            home.landing / f"{table}.csv",
            home.landing / f"{table}_{name}.csv",
            lambda row: row | others if row[by].endswith(("1", "4")) else None,
        )

    people = "customer/customers", "customer/loyalty_program", "customer/consents"
    change(people[0], "2025-02-10_late", "customer_id", {"city": "Late Falls"})
    change(people[1], "2025-03-02_other", "customer_id", {"loyalty_tier": "platinum"})
    no = {"granted": "false", "updated_at": "2025-03-01 08:00:00"}
    change(people[2], "2025-03-02_other", "customer_id", no)
    longer = {"campaign_name": "Renamed", "end_date": "2025-03-02"}
    change("marketing/campaigns", "2025-03-02_other", "campaign_id", longer)
    answer_yesterday_and_tomorrow(home)
    open_tomorrow(home)


def answer_yesterday_and_tomorrow(home: Home) -> None:
    """Adds files of 2 March with older answers, and with answers dated the day after."""
    consents = home.landing / "customer/consents"
    for name, end, answer in [
        ("before", "1", {"granted": "true", "updated_at": "2025-02-01 08:00:00"}),
        ("after", "7", {"granted": "false", "updated_at": "2025-03-03 08:00:00"}),
    ]:
        rewrite(
            consents.with_suffix(".csv"),
            consents.with_name(f"consents_2025-03-02_{name}.csv"),
            lambda row, end=end, answer=answer: (  # type: ignore[misc]
                row | answer if row["customer_id"].endswith(end) else None
            ),
        )


def open_tomorrow(home: Home) -> None:
    """Adds messages that are opened only the day after, although the file of 2 March says so."""
    contacts = home.landing / "marketing/campaign_contacts"
    rewrite(
        contacts.with_suffix(".csv"),
        contacts.with_name("campaign_contacts_2025-03-02_opened.csv"),
        lambda row: (
            row | {"opened_at": "2025-03-03 08:00:00", "clicked_at": "2025-03-03 08:01:00"}
            if row["group"] == "treatment" and not row["opened_at"]
            else None
        ),
    )


def find_pairs(home: Home) -> tuple[Pair, Pair]:
    """Returns two pairs of customers who have ordered and have nothing to do with each other."""
    with (home.landing / "sales/transactions.csv").open(newline="") as file:
        buyers = sorted({row["customer_id"] for row in csv.DictReader(file) if row["customer_id"]})
    one, other, third, fourth = [("crm", customer_id) for customer_id in buyers[:4]]
    return (one, other), (third, fourth)


def are_one(home: Home, pair: Pair) -> bool:
    found = home.rows(
        "select distinct customer_id from gold.customer_identities "
        f"where (source_system, source_id) in ({pair[0]}, {pair[1]})"
    )
    return len(found) == 1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    # One day changes so much of a small retailer that everything would be published whole.
    with pytest.MonkeyPatch.context() as small:
        small.setattr(taking_over, "FEW", 2)
        small.setattr(taking_over, "WORTH_A_COPY", 0)
        yield build_day_after_day(tmp_path_factory)


def build_day_after_day(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("days") / "home")
    home.simulate(WINTER)
    hold_back_arrivals(home)
    parting, meeting = find_pairs(home)
    home.rules = {"always": [parting], "never": [meeting]}
    home.load(WINTER)
    assert home.build().since is None
    home.publish()
    assert (are_one(home, parting), are_one(home, meeting)) == (True, False)

    day = date(2025, 3, 1)
    home.simulate(day)
    bring_late_and_corrected_rows(home)
    send_parcels(home)
    plan_a_campaign(home)
    home.load(day)
    assert home.build().since == WINTER
    assert home.publish() >= {"fct_orders", "fct_order_lines", "customer_lifetime_value"}

    day = date(2025, 3, 2)
    home.simulate(day)
    (home.landing / "logistic/shipments_2025-03-02.csv").unlink()
    repeat_a_file_and_lose_another(home)
    change_products(home)
    change_people_and_campaigns(home)
    home.rules = {"never": [parting], "always": [meeting]}
    home.load(day)
    assert home.build(stop_after="fct_order_lines").since == date(2025, 3, 1)  # killed after it
    assert home.build().since == date(2025, 3, 1)
    assert (are_one(home, parting), are_one(home, meeting)) == (False, True)
    assert home.rows(UNOPENED) > [(0,)]
    assert home.rows(OVERDUE) == [(0,)]

    day = date(2025, 3, 3)
    home.simulate(day)
    date_the_campaign(home, "2025-03-03", begins="2025-02-01")
    home.load(day)
    assert home.build().since == date(2025, 3, 2)
    assert home.publish() >= {"fct_orders", "fct_order_lines", "customer_lifetime_value"}
    assert home.rows(UNOPENED) == [(0,)]
    assert home.rows(OVERDUE) > [(0,)]
    return home


def test_days_built_one_after_another_equal_a_full_build(home: Home, tmp_path: Path) -> None:
    assert differing_tables(home, home.rebuilt(tmp_path / "anew")) == {}


def test_the_snapshot_updated_by_changes_equals_gold(home: Home) -> None:
    assert differing_in_files(home.warehouse, home.published) == {}


def test_late_and_corrected_rows_did_reach_gold(home: Home) -> None:
    """Otherwise the comparison would hold only because nothing had happened."""
    assert home.rows(
        "select count(*) filter (order_id like 'late-%') > 10, "
        "count(*) filter (product_id = 'P-unheard-of') > 10, "
        "count(*) filter (unit_cost = 1.23) > 10 from gold.fct_order_lines"
    ) == [(True, True, True)]
    assert home.rows(
        "select (select count(*) from gold.dim_customers_history where city = 'Late Falls') > 10, "
        "(select count(*) from gold.customer_profile where loyalty_tier = 'Platinum') > 10, "
        "(select count(*) from gold.customer_consents "
        "where updated_at in ('2025-03-01 08:00:00', '2025-03-03 08:00:00')) > 20, "
        "(select count(*) from gold.fct_campaign_contacts where campaign_name = 'Renamed') > 10, "
        "(select count(*) from gold.marketing_effectiveness where not is_running) > 0"
    ) == [(True, True, True, True, True)]
    assert home.rows("select count(*) from bronze.load_log where status = 'repeated'") == [(1,)]
    assert {kind for (kind,) in home.rows("select kind from gold.customer_merges")} >= {
        "merge",
        "split",
    }


def test_later_days_were_not_built_in_full(home: Home) -> None:
    assert [plan.since is None for plan in home.plans] == [True, False, False, False, False]
