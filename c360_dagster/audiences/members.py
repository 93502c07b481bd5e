"""The query that finds an audience's members, as SQL for DuckDB: condition, consent, control group.

It reads any relation with the mart's columns, so it also works for a past day.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from c360_dagster.audiences.declarations import Audience, AudienceError, suggest

OBJECTION = "profiling"
"""Who said no to this purpose is in no audience that needs a consent: choosing her is profiling."""
REFUSED, NOT_ASKED, OBJECTED, UNREACHABLE = "refused", "not asked", "no profiling", "no address"
LEFT_OUT = (REFUSED, NOT_ASKED, OBJECTED, UNREACHABLE)
ADDRESS = r"[^@\s]+@[^@\s]+\.[^@\s]+"
NOBODY = "^(no-?e?mail|(do-?not|no)-?reply|none|nobody|unknown|na)@"
"""What a form is given by whoever leaves no address; among the e-mails that never link people."""
HEX_DIGITS = 12


@dataclass(frozen=True)
class Relations:
    """What is read, as SQL names it: the mart, the last word on each consent, the addresses."""

    mart: str = "gold.mart_customer_360"
    consents: str = "gold.customer_consents"
    contacts: str = "gold.dim_customers"


PUBLISHED = Relations()


def check_audience(audience: Audience, columns: Mapping[str, str], file: str) -> str:
    """The condition as SQL, or an AudienceError that names audience, field and column."""
    table = PUBLISHED.mart.split(".")[-1]
    where = f"{file}: audience '{audience.name}'"
    for name in audience.columns:
        if name not in columns:
            raise AudienceError(
                f"{where}, columns: there is no column '{name}' in {table}{suggest(name, columns)}"
            )
    # What reads SQL is slow to import, and the definitions do not need it.
    from c360_dagster.audiences.conditions import (  # noqa: PLC0415
        ConditionError,
        check_condition,
    )

    try:
        return check_condition(audience.condition, columns, table)
    except ConditionError as problem:
        raise AudienceError(f"{where}, condition: {problem}.") from None


def candidates_sql(audience: Audience, condition: str, relations: Relations = PUBLISHED) -> str:
    """Everybody who meets the condition: whether and why she is left out, and held out.

    `condition` is what check_audience gave: never the text of the file.
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


def members_sql(audience: Audience, condition: str, relations: Relations = PUBLISHED) -> str:
    """The members alone: customer_id, and whether she is held out."""
    return (
        "select customer_id, is_control from "
        f"({candidates_sql(audience, condition, relations)}) where left_out is null"
    )


def _join_contacts(audience: Audience, relations: Relations) -> str:
    """Nobody's address is looked at where none is exported."""
    if not audience.contact_columns:
        return ""
    return f"left join {relations.contacts} as contacts on mart.customer_id = contacts.customer_id"


def _among(purposes: tuple[str, ...]) -> str:
    return f"where purpose in ({', '.join(map(_literal, purposes)) or 'null'})"


def _leave_out(audience: Audience) -> str:
    """The first reason that holds; null for members. No answer is not a yes, and one no wins."""
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
            f" or regexp_matches(contacts.email, {_literal(NOBODY)})"
        ),
        "sms": "contacts.phone is null or contacts.is_phone_valid is not true",
        "phone": "contacts.phone is null or contacts.is_phone_valid is not true",
        "post": (
            "contacts.address_line1 is null or coalesce(contacts.city, contacts.zip_code) is null"
        ),
    }
    return needed[channel]


def _draw(audience: Audience) -> str:
    """A number from 0 to 1 out of audience and customer alone: nobody changes sides by herself."""
    digest = f"substr(sha256({_literal(audience.name + ':')} || mart.customer_id), 1, {HEX_DIGITS})"
    return f"cast('0x' || {digest} as bigint) / {16**HEX_DIGITS}.0 < {audience.holdout!r}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
