with

plan as (
    select * from {{ ref('int_forecast_plan') }}
),

-- the forecast of the window that has passed since the cutoff, made as if it were still ahead
known as (
    select
        first_date,
        cutoff_date as as_of_date,
        window_days as horizon_days
    from plan
),

{{ forecast_plan('known') }}
