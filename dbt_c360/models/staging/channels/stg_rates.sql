{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions('rates', ['currency', 'date'], caseless=['currency']) }}
)

select
    {{ clean_upper('versions.currency') }} as currency,

    versions.rate,

    versions.date as rate_date
from versions
