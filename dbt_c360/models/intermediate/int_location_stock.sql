with

versions as (
    select * from {{ ref('stg_inventory_versions') }}
),

counts as (
    select
        coalesce(location_id, 'unknown') as location_id,
        {{ year_month('last_updated_at') }} as month,
        stock_quantity,
        known_from,
        -- an export of all shelves repeats the old counts of shelves that were not counted again
        row_number() over (
            partition by inventory_id, last_updated_at
            order by known_from desc
        ) as version_rank
    from versions
    where not is_after_as_of and last_updated_at is not null
),

-- a single version shows only the current stock; a month's rate needs earlier versions as well
followed as (
    select location_id
    from counts
    group by location_id
    having count(distinct known_from) > 1
)

select
    counts.location_id,
    counts.month,
    {{ ratio(count_if('counts.stock_quantity <= 0'), 'count(counts.stock_quantity)') }}
        as stock_out_rate
from counts
inner join followed
    on counts.location_id = followed.location_id
where counts.version_rank = 1
group by counts.location_id, counts.month
