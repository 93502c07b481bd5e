{{ config(materialized='table') }}

with

file_days as (
    select * from {{ ref('stg_file_days') }}
),

candidates as (
    select
        source_table,
        latest_event_date as candidate_date,
        load_date
    from file_days
    union all
    select
        source_table,
        known_date as candidate_date,
        load_date
    from file_days
),

default_days as (
    select
        max(case when source_table = 'transactions' then candidate_date end) as transactions_date,
        max(case when source_table = 'workbook_transactions' then candidate_date end)
            as workbooks_date,
        max(candidate_date) as any_date,
        max(load_date) as load_date
    from candidates
)

select
    coalesce(
        cast({{ "'" ~ var('as_of') ~ "'" if var('as_of') else 'null' }} as date),
        transactions_date,
        workbooks_date,
        any_date,
        load_date,
        cast('1970-01-01' as date)
    ) as as_of_date
from default_days
