with

anchors as (
    select * from {{ ref('int_customer_anchors') }}
),

registrations as (
    select * from {{ ref('stg_customer_versions') }}
),

memberships as (
    select * from {{ ref('stg_loyalty_versions') }}
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
        anchors.customer_id,
        changes.known_from,
        registration_spans.address_line1,
        registration_spans.city,
        registration_spans.state,
        registration_spans.zip_code,
        registration_spans.country,
        registration_spans.customer_segment,
        membership_spans.loyalty_tier
    from changes
    inner join anchors
        on changes.customer_id = anchors.source_id and anchors.source_system = 'crm'
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

-- nobody dates what is known of the others: as it is, it holds since ever
unfollowed as (
    select
        anchors.customer_id,
        cast('{{ var("history_start") }}' as date) as known_from,
        anchors.address_line1,
        anchors.city,
        anchors.state,
        anchors.zip_code,
        anchors.country,
        anchors.customer_segment,
        cast(null as {{ dbt.type_string() }}) as loyalty_tier
    from anchors
    left join followed
        on anchors.customer_id = followed.customer_id
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
