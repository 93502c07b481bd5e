with

preferences as (
    select * from {{ ref('product_preferences') }}
),

bought as (
    select
        customer_id,
        category
    from preferences
    where is_bought
),

buyers as (
    select count(distinct customer_id) as buyers
    from bought
),

categories as (
    select
        category,
        count(*) as customers
    from bought
    group by category
),

together as (
    select
        lefts.category,
        rights.category as other_category,
        count(*) as customers
    from bought as lefts
    inner join bought as rights
        on lefts.customer_id = rights.customer_id and lefts.category <> rights.category
    group by lefts.category, rights.category
)

select
    together.category,
    together.other_category,
    together.customers,
    {{ ratio('together.customers', 'buyers.buyers') }} as support,
    {{ ratio('together.customers', 'lefts.customers') }} as confidence,
    round(
        cast(together.customers as double) * cast(buyers.buyers as double)
        / (cast(lefts.customers as double) * cast(rights.customers as double)), 6
    ) as lift
from together
cross join buyers
inner join categories as lefts
    on together.category = lefts.category
inner join categories as rights
    on together.other_category = rights.category
