"""Which customers, and whose orders, a reader chose: the conditions that the pages share."""

# dim_customers is `c`, mart_customer_360 is `m`. A customer's region is their state, or their
# country if no state is known: addresses in some countries have none.
REGION = "coalesce(c.state, c.country)"
CHOSEN_PEOPLE = f"""
    (len($regions::varchar[]) = 0 or list_contains($regions::varchar[], {REGION}))
    and (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], m.persona))
"""
# The customers who match the reader's filters, each with a region.
PEOPLE = f"""
    with people as (
        select m.*, coalesce({REGION}, 'unknown') as region
        from mart_customer_360 as m
        inner join dim_customers as c on m.customer_id = c.customer_id
        where {CHOSEN_PEOPLE}
    )
"""

# What orders and lines need to know of their customers. `customer` is a number, because numbers are
# compared faster than ids.
BUYERS = """
    with buyers as (
        select c.customer_id, c.rowid as customer, c.state, c.country, m.persona
        from dim_customers as c
        left join mart_customer_360 as m on c.customer_id = m.customer_id
    )
"""
# Orders and lines are `o`, buyers `b`, stores `s`. An order's region is its customer's state; if
# none is known (of guests, for example) its store's state, or else the customer's country.
ORDER_REGION = "coalesce(b.state, s.store_state, b.country)"
CHOSEN = f"""
    (len($channels::varchar[]) = 0 or list_contains($channels::varchar[], o.channel))
    and (
        len($regions::varchar[]) = 0
        or list_contains($regions::varchar[], {ORDER_REGION})
    )
    and (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], b.persona))
"""
