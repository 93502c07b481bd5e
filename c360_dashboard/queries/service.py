"""Service and deliveries: parcels, tickets and visits to stores in a period."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.queries.people import CHOSEN_PEOPLE
from c360_dashboard.snapshot import Reader

PARCELS = f"""
    with parcels as (
        select f.*
        from fct_shipments as f
        left join dim_customers as c on f.customer_id = c.customer_id
        left join mart_customer_360 as m on f.customer_id = m.customer_id
        where not f.is_after_as_of and f.ship_date between $start and $end
            and {CHOSEN_PEOPLE}
    )
"""
TICKETS = f"""
    with tickets as (
        select f.*
        from fct_support_tickets as f
        left join dim_customers as c on f.customer_id = c.customer_id
        left join mart_customer_360 as m on f.customer_id = m.customer_id
        where not f.is_after_as_of and f.created_at::date between $start and $end
            and {CHOSEN_PEOPLE}
    )
"""
# Counted without the reader's filters: if there are none at all, no filter is to blame.
KNOWN = """
    select
        (select count(*) from fct_shipments) as parcels,
        (select count(*) from fct_support_tickets) as tickets,
        (select count(*) from arrivals_summary) as visitors
"""
# A parcel under way and not yet due is neither on time nor late, as in operational_efficiency.
PARCEL_MEASURES = """
    count(*) as parcels,
    count(*) filter (is_delivered and not is_late)
        / nullif(count(*) filter (is_late or (is_delivered and not is_late)), 0) as on_time_rate,
    avg(delivery_days) filter (is_delivered) as delivery_days,
    avg(shipping_cost) as shipping_cost,
    count(*) filter (delivery_status = 'lost') as lost,
    count(*) filter (delivery_status = 'returned') as returned
"""
TICKET_MEASURES = """
    count(*) as tickets,
    count(*) filter (is_open) as still_open,
    median(resolution_hours) as resolution_hours,
    avg(satisfaction_score) as satisfaction,
    count(satisfaction_score) as answers
"""


@dataclass(frozen=True)
class Service:
    known: dict[str, int]
    parcels: dict[str, Any]
    tickets: dict[str, Any]
    on_time: pl.DataFrame
    carriers: pl.DataFrame
    origins: pl.DataFrame
    categories: pl.DataFrame
    channels: pl.DataFrame
    visits: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Service:
    values = filters.values

    def parcels_by(column: str) -> pl.DataFrame:
        return reader.frame(
            f"{PARCELS} select coalesce({column}, 'unknown') as what, {PARCEL_MEASURES} "
            "from parcels group by what order by parcels desc, what",
            values,
        )

    def tickets_by(column: str) -> pl.DataFrame:
        return reader.frame(
            f"{TICKETS} select coalesce({column}, 'unknown') as what, {TICKET_MEASURES} "
            "from tickets group by what order by tickets desc, what",
            values,
        )

    return Service(
        reader.row(KNOWN),
        reader.row(f"{PARCELS} select {PARCEL_MEASURES} from parcels", values),
        reader.row(f"{TICKETS} select {TICKET_MEASURES} from tickets", values),
        reader.frame(
            f"""
            {PARCELS}
            select
                $end - (datediff('day', ship_date, $end) // 7 * 7)::integer as step,
                'on time' as series,
                {PARCEL_MEASURES}
            from parcels group by step
            -- Many of the latest parcels are still on their way, and those that arrived are the
            -- quick ones. A week that began before the first day is not complete.
            having count(*) filter (not is_delivered and not is_late) <= 0.05 * count(*)
                and on_time_rate is not null and step - 6 >= $start
            order by step
            """,
            values,
        ),
        parcels_by("carrier"),
        parcels_by("origin_location_id"),
        tickets_by("category"),
        tickets_by("channel"),
        reader.frame(
            """
            with places as (
                select
                    store_id,
                    -- tells two stores of the same name apart
                    store_name || case
                        when count(*) over (partition by store_name) > 1
                            then ' (' || store_id || ')'
                        else ''
                    end as name
                from dim_stores
            )

            select
                coalesce(p.name, a.location_id, 'unknown') as location, a.channel,
                sum(a.arrivals)::bigint as arrivals,
                sum(a.orders)::bigint as orders,
                sum(a.orders) / nullif(sum(a.arrivals), 0) as conversion_rate,
                mode(a.peak_hour) as peak_hour
            from arrivals_summary as a
            left join places as p on a.location_id = p.store_id
            where a.date between $start and $end
            group by all
            order by arrivals desc, location
            """,
            values,
        ),
    )
