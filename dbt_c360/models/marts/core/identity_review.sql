with

review as (
    select * from {{ source('identity', 'review') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
)

select
    review.left_system,
    review.left_id,
    review.right_system,
    review.right_id,
    review.reason,
    lefts.customer_id as left_customer_id,
    rights.customer_id as right_customer_id,
    review.match_probability,
    review.suggestion
from review
left join identities as lefts
    on review.left_system = lefts.source_system and review.left_id = lefts.source_id
left join identities as rights
    on review.right_system = rights.source_system and review.right_id = rights.source_id
