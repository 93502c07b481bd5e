"""Which customers a reader chose: the condition that the customer pages share."""

# Every customer with her region, as the reader chose; a region is where she lives.
PEOPLE = """
    with people as (
        select m.*, coalesce(c.state, 'unknown') as region
        from mart_customer_360 as m
        inner join dim_customers as c on m.customer_id = c.customer_id
        where (len($regions::varchar[]) = 0 or list_contains($regions::varchar[], c.state))
            and (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], m.persona))
    )
"""
