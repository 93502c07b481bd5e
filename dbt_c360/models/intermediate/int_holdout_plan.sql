with

plan as (
    select * from {{ ref('int_forecast_plan') }}
),

-- a forecast as of the cutoff, for the window that has passed since, as if it were still to come
known as (
    select
        first_date,
        cutoff_date as as_of_date,
        window_days as horizon_days
    from plan
),

{{ forecast_plan('known') }}
