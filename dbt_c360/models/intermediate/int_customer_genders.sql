with

customers as (
    select * from {{ ref('int_golden_customers') }}
),

named as (
    select
        customer_id,
        gender,
        lower(first_name) as first_name
    from customers
),

counted as (
    select
        first_name,
        gender,
        count(*) as people
    from named
    where gender is not null and first_name is not null
    group by first_name, gender
),

totals as (
    select
        first_name,
        sum(people) as people
    from counted
    group by first_name
),

-- names that at least twenty people have, nine in ten of them with the same gender; so a name has
-- at most one
telling_names as (
    select
        counted.first_name,
        counted.gender
    from counted
    inner join totals
        on counted.first_name = totals.first_name
    where totals.people >= 20 and counted.people * 10 >= totals.people * 9
)

select
    named.customer_id,
    coalesce(named.gender, telling_names.gender, 'unknown') as customer_gender,
    case
        when named.gender is not null then 'declared'
        when telling_names.gender is not null then 'estimated'
        else 'unknown'
    end as customer_gender_source
from named
left join telling_names
    on named.first_name = telling_names.first_name
