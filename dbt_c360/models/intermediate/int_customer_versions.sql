{%- set touched = {'key': 'customer_id', 'found': [
    changed('int_golden_customers', 'customer_id'),
    of_changed_records('stg_customer_versions', table='silver.int_golden_customers'),
    of_changed_records('stg_loyalty_versions', table='silver.int_golden_customers'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'valid_from'],
    meta={'touched': touched},
) }}

with

golden as (
    select * from {{ ref('int_golden_customers') }}
    {{ only_touched(touched) }}
),

registrations as (
    select * from {{ ref('stg_customer_versions') }}
    {{ only_named('customer_id', by='golden.source_id from golden') }}
),

memberships as (
    select * from {{ ref('stg_loyalty_versions') }}
    {{ only_named('customer_id', by='golden.source_id from golden') }}
),

changes as (
    select
        customer_id,
        known_from
    from registrations
    union
    select
        customer_id,
        known_from
    from memberships
),

registration_spans as (
    select
        *,
        lead(known_from) over (partition by customer_id order by known_from) as known_to
    from registrations
),

membership_spans as (
    select
        *,
        lead(known_from) over (partition by customer_id order by known_from) as known_to
    from memberships
),

followed as (
    select
        golden.customer_id,
        changes.known_from,
        registration_spans.address_line1,
        registration_spans.city,
        registration_spans.state,
        registration_spans.zip_code,
        registration_spans.country,
        registration_spans.customer_segment,
        membership_spans.loyalty_tier
    from changes
    inner join golden
        on changes.customer_id = golden.source_id and golden.source_system = 'crm'
    left join registration_spans
        on
            changes.customer_id = registration_spans.customer_id
            and changes.known_from >= registration_spans.known_from
            and (
                registration_spans.known_to is null
                or changes.known_from < registration_spans.known_to
            )
    left join membership_spans
        on
            changes.customer_id = membership_spans.customer_id
            and changes.known_from >= membership_spans.known_from
            and (
                membership_spans.known_to is null
                or changes.known_from < membership_spans.known_to
            )
),

-- for the other customers no changes are dated, so their current values hold since the beginning
unfollowed as (
    select
        golden.customer_id,
        cast('{{ var("history_start") }}' as date) as known_from,
        golden.address_line1,
        golden.city,
        golden.state,
        golden.zip_code,
        golden.country,
        golden.customer_segment,
        cast(null as {{ dbt.type_string() }}) as loyalty_tier
    from golden
    left join followed
        on golden.customer_id = followed.customer_id
    where followed.customer_id is null
),

versions as (
    select * from followed
    union all
    select * from unfollowed
)

select
    customer_id,
    known_from as valid_from,
    address_line1,
    city,
    state,
    zip_code,
    country,
    customer_segment,
    loyalty_tier,
    {{ said([
        'address_line1', 'city', 'state', 'zip_code', 'country', 'customer_segment',
        'loyalty_tier',
    ]) }} as said
from versions
