"""Who belongs to an audience: consent by purpose and channel, addresses, and a lasting draw."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dagster.audiences.members import PLACEHOLDER_EMAIL, Relations, check_audience, members_sql
from c360_dagster.identity.rules import Rules
from tests.audiences.gold import COLUMNS, SERVICE, Consent, ask, audience, publish_gold

EMAIL, SMS, ANY, PROFILING = "marketing_email", "marketing_sms", "marketing", "profiling"

# What each customer said, and why they are left out of an audience that gets e-mail.
ANSWERS: dict[str, tuple[dict[str, bool], str | None]] = {
    "yes": ({EMAIL: True}, None),
    "yes_to_all_channels": ({ANY: True}, None),
    "yes_and_profiling": ({EMAIL: True, PROFILING: True}, None),
    "no": ({EMAIL: False}, "refused"),
    "yes_but_to_sms": ({SMS: True}, "not asked"),
    "no_but_yes_to_sms": ({EMAIL: False, SMS: True}, "refused"),
    "yes_but_no_to_all": ({EMAIL: True, ANY: False}, "refused"),
    "no_but_yes_to_all": ({EMAIL: False, ANY: True}, "refused"),
    "yes_but_no_profiling": ({EMAIL: True, PROFILING: False}, "no profiling"),
    "only_profiling": ({PROFILING: True}, "not asked"),
    "never_asked": ({}, "not asked"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    consents: list[Consent] = [
        (name, purpose, is_granted)
        for name, (answers, _) in ANSWERS.items()
        for purpose, is_granted in answers.items()
    ]
    publish_gold(folder, "2026-06-30", ANSWERS, consents)
    return folder


def left_out(
    published: Path,
    **fields: Any,  # noqa: ANN401  any field of an audience
) -> dict[str, str | None]:
    found = ask(published, audience(**fields))
    return dict(found.select("customer_id", "left_out").iter_rows())


def test_nobody_is_written_to_without_a_yes_to_the_channel(published: Path) -> None:
    assert left_out(published) == {name: reason for name, (_, reason) in ANSWERS.items()}


def test_each_channel_has_its_own_consent(published: Path) -> None:
    told = left_out(published, channel="sms")
    members = {name for name, reason in told.items() if reason is None}
    to_all = {"yes_to_all_channels", "no_but_yes_to_all"}
    assert members == {"yes_but_to_sms", "no_but_yes_to_sms"} | to_all


def test_a_service_message_needs_no_consent(published: Path) -> None:
    assert set(left_out(published, purpose=SERVICE).values()) == {None}


def test_customers_without_an_address_are_left_out_if_addresses_are_exported(
    tmp_path: Path,
) -> None:
    publish_gold(tmp_path, "2026-06-30", ["ann", "bob", "cem"])
    with duckdb.connect(str(tmp_path / "c360.duckdb")) as con:
        con.execute("update gold.dim_customers set email = null where customer_id = 'bob'")
        con.execute("update gold.dim_customers set email = 'cem at x' where customer_id = 'cem'")
        con.execute(
            "update gold.dim_customers set is_phone_valid = false where customer_id = 'cem'"
        )
        con.execute("update gold.dim_customers set address_line1 = null where customer_id = 'ann'")
        con.execute("update gold.dim_customers set city = null where customer_id = 'bob'")
    by_mail = left_out(tmp_path, contact=True)
    assert by_mail == {"ann": None, "bob": "no address", "cem": "no address"}
    assert left_out(tmp_path, contact=False)["bob"] is None
    by_phone = left_out(tmp_path, contact=True, channel="phone", purpose=SERVICE)
    assert by_phone == {"ann": None, "bob": None, "cem": "no address"}
    assert left_out(tmp_path, contact=True, channel="sms", purpose=SERVICE) == by_phone
    by_post = left_out(tmp_path, contact=True, channel="post", purpose=SERVICE)
    assert by_post == {"ann": "no address", "bob": "no address", "cem": None}


def test_placeholder_addresses_count_as_no_address(tmp_path: Path) -> None:
    forms = {
        "ann": "noreply@shop.example",
        "bob": "do-not-reply@shop.example",
        "cem": "none@none.example",
        "dan": "nadia@shop.example",
    }
    publish_gold(tmp_path, "2026-06-30", list(forms))
    with duckdb.connect(str(tmp_path / "c360.duckdb")) as con:
        for name, email in forms.items():
            con.execute(
                "update gold.dim_customers set email = ? where customer_id = ?", [email, name]
            )
    reasons = left_out(tmp_path, contact=True)
    assert reasons == {"ann": "no address", "bob": "no address", "cem": "no address", "dan": None}
    assert PLACEHOLDER_EMAIL in Rules.read().emails_that_never_link, (
        "who is nobody to one is so to the other"
    )


def test_a_held_out_customer_stays_held_out(tmp_path: Path) -> None:
    """The customers are named, because another way to draw would give other customers.

    People in a running campaign would then move from one group to the other.
    """
    names = [f"C{number}" for number in range(30)]
    publish_gold(tmp_path, "2026-06-30", names)
    found = ask(tmp_path, audience("fans", holdout=0.2)).filter("is_control")["customer_id"]
    assert found.to_list() == ["C0", "C13", "C22", "C29"]


def test_the_draw_is_the_digest_of_audience_and_customer(tmp_path: Path) -> None:
    names = [f"C{number}" for number in range(4000)]
    publish_gold(tmp_path, "2026-06-30", names)

    def held_out(name: str, share: float) -> set[str]:
        found = ask(tmp_path, audience(name, holdout=share))
        return set(found.filter("is_control")["customer_id"])

    tenth = held_out("fans", 0.1)
    digests = {name: hashlib.sha256(f"fans:{name}".encode()).hexdigest() for name in names}
    assert tenth == {name for name in names if int(digests[name][:12], 16) < 0.1 * 16**12}
    assert 340 <= len(tenth) <= 460, "four standard deviations around 400"
    assert tenth < held_out("fans", 0.2), "a larger share adds people and lets nobody go"
    both = tenth & held_out("others", 0.1)
    assert len(both) < 80, (
        "audiences draw apart: who is in one control group is in others by chance"
    )
    assert held_out("fans", 0.0) == set()


def test_another_relation_can_be_asked(published: Path) -> None:
    """An example is a past day, with that day's mart and consents."""
    who = replace(audience(), condition="total_orders = 7")
    condition = check_audience(who, COLUMNS, "my.yml")
    with duckdb.connect(str(published / "c360.duckdb"), read_only=True) as con:
        con.execute(
            "create temp table then_mart as"
            " select unnest(['yes', 'no', 'never_asked']) as customer_id, 7 as total_orders"
        )
        con.execute("create temp table then_consents as from gold.customer_consents")
        asked = Relations(mart="then_mart", consents="then_consents", contacts="nowhere")
        found = con.execute(members_sql(who, condition, asked)).fetchall()
    assert found == [("yes", False)]
