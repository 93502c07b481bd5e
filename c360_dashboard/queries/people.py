"""Which customers, and whose orders, a reader chose: the conditions that the pages share."""

# Customers are `c`, and `m` in the mart: a region is the state where she lives, or the country
# where addresses have no states.
REGION = "coalesce(c.state, c.country)"
CHOSEN_PEOPLE = f"""
    (len($regions::varchar[]) = 0 or list_contains($regions::varchar[], {REGION}))
    and (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], m.persona))
"""
# Every customer with her region, as the reader chose.
PEOPLE = f"""
    with people as (
        select m.*, coalesce({REGION}, 'unknown') as region
        from mart_customer_360 as m
        inner join dim_customers as c on m.customer_id = c.customer_id
        where {CHOSEN_PEOPLE}
    )
"""

# What orders and lines need to know of their customers; numbers are compared faster than ids.
BUYERS = """
    with buyers as (
        select c.customer_id, c.rowid as customer, c.state, c.country, m.persona
        from dim_customers as c
        left join mart_customer_360 as m on c.customer_id = m.customer_id
    )
"""
# Orders and lines are `o`, buyers `b`, stores `s`. An order's region is where its customer lives;
# where that is unknown, as of guests, the store's.
ORDER_REGION = "coalesce(b.state, s.store_state, b.country)"
CHOSEN = f"""
    (len($channels::varchar[]) = 0 or list_contains($channels::varchar[], o.channel))
    and (
        len($regions::varchar[]) = 0
        or list_contains($regions::varchar[], {ORDER_REGION})
    )
    and (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], b.persona))
"""
