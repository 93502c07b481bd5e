"""One customer: found by name, e-mail, phone or any id they ever had; then all that is known."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.snapshot import Reader

MAX_FOUND = 25
MAX_EVENTS = 150
KINDS = ("Order", "Delivery", "Ticket", "Campaign", "Session")

# Follows an id that was merged away, step by step, to today's id. A split may have given an id back
# and a later merge taken it away again. So an id that exists today leads nowhere else, and of any
# other only the last merge counts.
REDIRECTS = """
    recursive redirects(id, hops) as (
        select upper($text), 0
        union
        select upper(m.to_id), r.hops + 1
        from redirects as r
        inner join (
            select from_id, arg_max(to_id, (found_on, to_id)) as to_id
            from customer_merges
            where kind = 'merge'
                and upper(from_id) not in (select upper(customer_id) from dim_customers)
            group by from_id
        ) as m on upper(m.from_id) = r.id
        where r.hops < 20
    )
"""


@dataclass(frozen=True)
class Customer:
    person: dict[str, Any]
    records: pl.DataFrame
    provenance: pl.DataFrame
    merges: pl.DataFrame
    timeline: pl.DataFrame
    spending: pl.DataFrame
    favourites: pl.DataFrame
    suggestions: pl.DataFrame


def search(reader: Reader, text: str) -> pl.DataFrame:
    """Returns the customers that a reader may mean, the surest first."""
    # Phone keyboards write ’, and lists of people write "Berg, Ana".
    words = text.lower().replace("’", "'").replace(",", " ").split()
    # Without the zeros dialled before a number, because ours begin with the country's code.
    digits = "".join(letter for letter in text if letter.isdigit()).lstrip("0")
    is_phone = len(digits) >= 5 and not any(letter.isalpha() or letter == "@" for letter in text)
    return reader.frame(
        f"""
        with {REDIRECTS},

        hits as (
            select customer_id, 1 as place, 'customer id' as found_by
            from dim_customers where upper(customer_id) = upper($text)
            union all
            select c.customer_id, 2, 'earlier id'
            from redirects as r
            inner join dim_customers as c on upper(c.customer_id) = r.id
            where r.hops > 0
            union all
            select customer_id, 3, source_system || ' id'
            from customer_identities where upper(source_id) = upper($text)
            union all
            select customer_id, 4, 'e-mail'
            from dim_customers where contains($text, '@') and lower(email) = lower($text)
            union all
            select customer_id, 5, 'phone'
            from dim_customers where $is_phone and ends_with(phone, $digits)
            union all
            -- what the customer's other records say, each value with its records in brackets
            select customer_id, 6, 'another ' || if(field = 'email', 'e-mail', field)
            from customer_provenance
            where (field = 'phone' and $is_phone and contains(losing_values, $digits || ' ('))
                or (
                    field = 'email'
                    and contains($text, '@')
                    and contains(lower(losing_values), lower($text) || ' (')
                )
            union all
            select customer_id, 7, 'name'
            from dim_customers
            where len(list_filter(
                $words::varchar[],
                lambda word: not contains(
                    strip_accents(
                        replace(lower(concat_ws(' ', first_name, last_name)), '’', '''')
                    ),
                    strip_accents(word)
                )
            )) = 0
            union all
            select customer_id, 8, 'e-mail'
            from dim_customers where contains(lower(email), lower($text))
            union all
            select customer_id, 9, 'customer id'
            from dim_customers where starts_with(upper(customer_id), upper($text))
        ),

        best as (
            select customer_id, min(place) as place, arg_min(found_by, place) as found_by
            from hits group by customer_id
        )

        select
            b.customer_id,
            concat_ws(' ', c.first_name, c.last_name) as name,
            c.email,
            c.city,
            c.state,
            m.persona,
            m.total_orders,
            m.total_spent,
            m.last_order_date,
            b.found_by
        from best as b
        inner join dim_customers as c on b.customer_id = c.customer_id
        left join mart_customer_360 as m on b.customer_id = m.customer_id
        order by b.place, m.total_spent desc nulls last, b.customer_id
        limit {MAX_FOUND}
        """,
        {"text": text, "words": words, "digits": digits, "is_phone": is_phone},
    )


def find_current_id(reader: Reader, customer_id: str) -> str | None:
    """Returns a customer's id of today, given any id they ever had; None if nobody ever had it."""
    found = reader.frame(
        f"""
        with {REDIRECTS}
        select c.customer_id
        from redirects as r
        inner join dim_customers as c on upper(c.customer_id) = r.id
        order by r.hops desc, c.customer_id
        limit 1
        """,
        {"text": customer_id},
    )
    return str(found["customer_id"][0]) if len(found) else None


def load(reader: Reader, customer_id: str) -> Customer:
    parameters = {"id": customer_id}
    return Customer(
        _person(reader, parameters),
        reader.frame(
            """
            select source_system, source_id, match_rule, match_probability
            from customer_identities where customer_id = $id
            order by source_id <> $id, source_system, source_id
            """,
            parameters,
        ),
        reader.frame(
            """
            select field, value, source_system, source_id, rule, losing_values
            from customer_provenance where customer_id = $id order by field
            """,
            parameters,
        ),
        reader.frame(
            """
            select found_on, kind, from_id, to_id, why
            from customer_merges where $id in (from_id, to_id)
            order by found_on, from_id, to_id
            """,
            parameters,
        ),
        _timeline(reader, parameters),
        _spending(reader, parameters),
        reader.frame(
            """
            select category, orders, units, revenue, last_bought_date
            from product_preferences
            where customer_id = $id and is_bought
            order by preference_rank, category
            """,
            parameters,
        ),
        reader.frame(
            """
            select
                n.rank, coalesce(p.product_name, n.product_id) as product_name, p.category,
                p.price, n.product_id
            from next_best_products as n
            left join dim_products as p on n.product_id = p.product_id
            where n.customer_id = $id
            order by n.rank
            """,
            parameters,
        ),
    )


def _spending(reader: Reader, parameters: dict[str, str]) -> pl.DataFrame:
    """Returns the spend of every month up to the as-of day, for a year or (if longer) since the
    first order, so that months without orders are shown too."""
    return reader.frame(
        """
        with orders as (
            select date_trunc('month', order_date)::date as month, net_amount
            from fct_orders where customer_id = $id and is_counted
        ),

        today as (select date_trunc('month', as_of_date) as month from publication),

        months as (
            select unnest(range(
                least(min(o.month), t.month - interval 11 months), t.month + interval 1 month,
                interval 1 month
            ))::date as month
            from orders as o cross join today as t
            group by t.month
        )

        select m.month, coalesce(sum(o.net_amount), 0) as spent
        from months as m
        left join orders as o on m.month = o.month
        group by m.month
        order by month
        """,
        parameters,
    )


def _person(reader: Reader, parameters: dict[str, str]) -> dict[str, Any]:
    return reader.row(
        """
        select
            c.customer_id,
            nullif(concat_ws(' ', c.first_name, c.last_name), '') as name,
            c.email, c.phone, c.date_of_birth, c.address_line1, c.city, c.zip_code,
            c.state, c.country, c.registered_at, c.is_inferred, c.source_records,
            c.preferred_channel, c.loyalty_tier, c.customer_segment,
            m.customer_gender, m.customer_gender_source, m.total_orders, m.total_spent,
            m.avg_order_value, m.first_order_date, m.last_order_date, m.days_since_last_order,
            m.orders_refunded, m.orders_cancelled,
            coalesce(m.store_name, m.store_id) as store_name, m.rfm_segment, m.persona,
            m.clv_12m, m.churn_risk, m.tickets_open, m.avg_satisfaction, m.late_deliveries,
            m.sessions_90d, m.favourite_category, m.next_best_category, m.marketing_consent,
            z.clv_12m_low, z.clv_12m_high, z.expected_orders_12m
        from dim_customers as c
        left join mart_customer_360 as m on c.customer_id = m.customer_id
        left join clv_proxy as z on c.customer_id = z.customer_id
        where c.customer_id = $id
        """,
        parameters,
    )


def _timeline(reader: Reader, parameters: dict[str, str]) -> pl.DataFrame:
    """Returns the latest events of each kind, newest first. The sessions of a day on one touchpoint
    are one event."""
    return reader.frame(
        f"""
        with events as (
            select
                order_date as day, 'Order' as kind, order_id as reference,
                concat_ws(
                    ' · ', order_status, channel,
                    case when lines = 1 then '1 line' when lines > 1 then lines || ' lines' end,
                    replace(payment_method, '_', ' ')
                ) as what,
                total_amount as amount
            from fct_orders where customer_id = $id and not is_after_as_of
            union all
            select
                coalesce(actual_delivery_date, ship_date), 'Delivery', shipment_id,
                concat_ws(
                    ' · ', replace(delivery_status, '_', ' '), carrier,
                    delivery_days || case when delivery_days = 1 then ' day' else ' days' end,
                    case when is_late then 'late' end,
                    'order ' || order_id
                ),
                shipping_cost
            from fct_shipments where customer_id = $id and not is_after_as_of
            union all
            select
                created_at::date, 'Ticket', ticket_id,
                concat_ws(
                    ' · ', category, channel, priority || ' priority', replace(status, '_', ' '),
                    'satisfaction ' || satisfaction_score || ' of 5'
                ),
                null
            from fct_support_tickets where customer_id = $id and not is_after_as_of
            union all
            select
                sent_date, 'Campaign', contact_id,
                concat_ws(
                    ' · ', coalesce(campaign_name, campaign_id),
                    case
                        when contact_group = 'control' then 'nothing sent: control group'
                        else channel
                    end,
                    case when opened_at is not null then 'opened' end,
                    case when clicked_at is not null then 'clicked' end
                ),
                null
            from fct_campaign_contacts where customer_id = $id and not is_after_as_of
            union all
            select
                session_date, 'Session', null,
                concat_ws(
                    ' · ', touchpoint,
                    count(*) || case when count(*) = 1 then ' visit' else ' visits' end,
                    sum(page_views) || case when sum(page_views) = 1 then ' page' else ' pages' end,
                    round(sum(minutes))::integer
                    || case when round(sum(minutes)) = 1 then ' minute' else ' minutes' end
                ),
                null
            from fct_sessions where customer_id = $id and not is_after_as_of
            group by session_date, touchpoint
        )

        select day, kind, what, amount, reference
        from events
        where day is not null
        qualify row_number() over (partition by kind order by day desc, reference) <= {MAX_EVENTS}
        order by day desc, kind, reference
        """,
        parameters,
    )
