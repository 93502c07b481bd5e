"""What the filters offer, and the currency that amounts are shown in."""

from dataclasses import dataclass

from c360_dashboard.queries.people import REGION
from c360_dashboard.snapshot import Reader


@dataclass(frozen=True)
class Choices:
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    personas: tuple[str, ...]
    currency: str


def load(reader: Reader) -> Choices:
    channels = reader.frame(
        """
        select channel from fct_orders where channel is not null and is_counted
        group by channel order by count(*) desc, channel
        """
    )
    regions = reader.frame(
        f"""
        select {REGION} as region from dim_customers as c where {REGION} is not null
        union
        select store_state from dim_stores where store_state is not null
        order by region
        """
    )
    personas = reader.frame(
        """
        select persona from mart_customer_360 where persona is not null
        group by persona order by persona = 'No purchase yet', persona
        """
    )
    currency = reader.frame("select currency from reporting_currency")
    return Choices(
        tuple(channels["channel"]),
        tuple(regions["region"]),
        tuple(personas["persona"]),
        currency["currency"][0] if len(currency) else "",
    )
