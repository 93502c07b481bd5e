select
    customer_id,
    purpose,
    is_granted,
    updated_at
from {{ ref('int_consent_answers') }}
