-- The as-of day is recorded only after it is published, so it comes from the mart. Later days were
-- recorded by runs that knew more, and do not count.
with

clock as (
    select * from {{ ref('int_data_clock') }}
),

history as (
    select * from {{ source('history', 'customer_360_history') }}
),

mart as (
    select * from {{ ref('mart_customer_360') }}
),

recorded as (
    select
        history.customer_id,
        history.as_of_date,
        history.persona,
        history.rfm_segment
    from history
    cross join clock
    where history.as_of_date < clock.as_of_date
    union all
    select
        customer_id,
        as_of_date,
        persona,
        rfm_segment
    from mart
),

month_ends as (
    select
        {{ month_start('as_of_date') }} as month_date,
        max(as_of_date) as end_date
    from recorded
    group by {{ month_start('as_of_date') }}
),

-- a month cannot be compared if no day of the month before was recorded
following as (
    select
        this_month.month_date,
        this_month.end_date as after_date,
        last_month.end_date as before_date
    from month_ends as this_month
    inner join month_ends as last_month
        on last_month.month_date = {{ month_before('this_month.month_date') }}
),

before as (
    select
        following.month_date,
        recorded.customer_id,
        recorded.persona,
        recorded.rfm_segment
    from recorded
    inner join following
        on recorded.as_of_date = following.before_date
),

after as (
    select
        following.month_date,
        recorded.customer_id,
        recorded.persona,
        recorded.rfm_segment
    from recorded
    inner join following
        on recorded.as_of_date = following.after_date
)

select
    {{ year_month('after.month_date') }} as month,
    after.customer_id,
    before.persona as persona_before,
    after.persona as persona_after,
    before.rfm_segment as rfm_segment_before,
    after.rfm_segment as rfm_segment_after
from after
inner join before
    on
        after.month_date = before.month_date
        and after.customer_id = before.customer_id
where
    coalesce(before.persona, '') <> coalesce(after.persona, '')
    or coalesce(before.rfm_segment, '') <> coalesce(after.rfm_segment, '')
