"""Writes the SQL that finds an audience's members: condition, consent and control group.

The query works on any relation with the mart's columns, so also on a past day's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from c360_dagster.audiences.declarations import Audience, AudienceError, suggest

OBJECTION = "profiling"
"""Customers who said no to this purpose are in no audience that needs consent, because choosing
them is profiling."""
REFUSED, NOT_ASKED, OBJECTED, UNREACHABLE = "refused", "not asked", "no profiling", "no address"
LEFT_OUT = (REFUSED, NOT_ASKED, OBJECTED, UNREACHABLE)
ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"
PLACEHOLDER_EMAIL = "^(no-?e?mail|(do-?not|no)-?reply|none|nobody|unknown|na)@"
"""E-mails that people type into a form to give none. rules.yml has this pattern, too, among the
e-mails that never link."""
HEX_DIGITS = 12


@dataclass(frozen=True)
class Relations:
    """The relations to read: the mart, each customer's last answers on consent, the addresses."""

    mart: str = "gold.mart_customer_360"
    consents: str = "gold.customer_consents"
    contacts: str = "gold.dim_customers"


GOLD_RELATIONS = Relations()


def check_audience(audience: Audience, columns: Mapping[str, str], file: str) -> str:
    """Returns the condition as SQL. An AudienceError names the audience, field and column."""
    table = GOLD_RELATIONS.mart.split(".")[-1]
    where = f"{file}: audience '{audience.name}'"
    for name in audience.columns:
        if name not in columns:
            raise AudienceError(
                f"{where}, columns: there is no column '{name}' in {table}{suggest(name, columns)}"
            )
    # The SQL parser is slow to import, and the definitions do not need it.
    from c360_dagster.audiences.conditions import (  # noqa: PLC0415
        ConditionError,
        check_condition,
    )

    try:
        return check_condition(audience.condition, columns, table)
    except ConditionError as problem:
        raise AudienceError(f"{where}, condition: {problem}.") from None


def candidates_sql(
    audience: Audience, condition: str, relations: Relations = GOLD_RELATIONS
) -> str:
    """Returns the query for all who meet the condition: why they are left out, and if held out.

    `condition` must come from check_audience, never straight from the file.
    """
    exported = ", ".join(
        [f'mart."{name}"' for name in audience.columns if name != "customer_id"]
        + [f'contacts."{name}"' for name in audience.contact_columns]
    )
    return f"""
        with
        met as (
            select * from {relations.mart} where {condition}
        ),
        consents as (
            select
                customer_id,
                bool_or(is_granted) filter ({_among(audience.consents)}) as is_granted,
                bool_or(not is_granted) filter ({_among(audience.consents)}) as is_refused,
                bool_or(not is_granted) filter ({_among((OBJECTION,))}) as is_objected
            from {relations.consents}
            group by customer_id
        )
        select
            mart.customer_id,
            {_leave_out(audience)} as left_out,
            {_draw(audience)} as is_control
            {"," if exported else ""} {exported}
        from met as mart
        left join consents on mart.customer_id = consents.customer_id
        {_join_contacts(audience, relations)}
        order by mart.customer_id
    """


def members_sql(audience: Audience, condition: str, relations: Relations = GOLD_RELATIONS) -> str:
    """Returns the query for the members only: customer_id, and whether they are held out."""
    return (
        "select customer_id, is_control from "
        f"({candidates_sql(audience, condition, relations)}) where left_out is null"
    )


def _join_contacts(audience: Audience, relations: Relations) -> str:
    """Returns the join with the addresses, or nothing if none are exported."""
    if not audience.contact_columns:
        return ""
    return f"left join {relations.contacts} as contacts on mart.customer_id = contacts.customer_id"


def _among(purposes: tuple[str, ...]) -> str:
    return f"where purpose in ({', '.join(map(_literal, purposes)) or 'null'})"


def _leave_out(audience: Audience) -> str:
    """Returns the SQL for the first reason to leave somebody out; null for members.

    No answer does not count as yes, and a single no outweighs every yes.
    """
    reasons = []
    if audience.purpose.needs_consent:
        reasons += [
            ("consents.is_refused", REFUSED),
            ("consents.is_granted is not true", NOT_ASKED),
            ("consents.is_objected", OBJECTED),
        ]
    if audience.contact_columns:
        reasons.append((_has_no_address(audience.channel), UNREACHABLE))
    if not reasons:
        return "cast(null as varchar)"
    whens = " ".join(f"when {test} then {_literal(reason)}" for test, reason in reasons)
    return f"case {whens} end"


def _has_no_address(channel: str) -> str:
    needed = {
        "email": (
            f"not regexp_full_match(coalesce(contacts.email, ''), {_literal(ADDRESS)})"
            f" or regexp_matches(contacts.email, {_literal(PLACEHOLDER_EMAIL)})"
        ),
        "sms": "contacts.phone is null or contacts.is_phone_valid is not true",
        "phone": "contacts.phone is null or contacts.is_phone_valid is not true",
        "post": (
            "contacts.address_line1 is null or coalesce(contacts.city, contacts.zip_code) is null"
        ),
    }
    return needed[channel]


def _draw(audience: Audience) -> str:
    """Returns the SQL that draws the control group.

    It compares a number from 0 to 1 with the holdout. The number depends only on audience and
    customer, so nobody changes sides between runs.
    """
    digest = f"substr(sha256({_literal(audience.name + ':')} || mart.customer_id), 1, {HEX_DIGITS})"
    return f"cast('0x' || {digest} as bigint) / {16**HEX_DIGITS}.0 < {audience.holdout!r}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
