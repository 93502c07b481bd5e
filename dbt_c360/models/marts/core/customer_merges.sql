with

found as (
    select * from {{ source('identity', 'merges') }}
),

clock as (
    select * from {{ ref('int_data_clock') }}
)

select
    found.found_on,
    found.kind,
    found.from_id,
    found.to_id,
    found.why
from found
inner join clock
    on found.found_on <= clock.as_of_date
