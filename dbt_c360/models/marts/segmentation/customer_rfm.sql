with

ranks as (
    select * from {{ ref('int_customer_rfm_ranks') }}
),

scored as (
    select
        customer_id,
        recency_days,
        frequency,
        monetary,
        cast(ceil(2.5 * recency_position / customers) as bigint) as r_score,
        -- one purchase is no habit, so the score is at most 2, even if most customers made only
        -- one, and even if it was returned, which is a second order
        cast(
            case
                when purchases <= 1 and 5 * frequency_position > 4 * customers then 2
                else ceil(2.5 * frequency_position / customers)
            end as bigint
        ) as f_score,
        cast(ceil(2.5 * monetary_position / customers) as bigint) as m_score
    from ranks
)

select
    customer_id,
    recency_days,
    frequency,
    monetary,
    r_score,
    f_score,
    m_score,
    case
        when r_score is null then 'No purchase yet'
        when r_score >= 4 and f_score >= 4 then 'Champions'
        when r_score >= 3 and f_score >= 3 then 'Loyal'
        when r_score >= 4 then 'New and Promising'
        when r_score = 3 then 'Need Attention'
        when f_score >= 4 and m_score >= 4 then 'Cannot Lose Them'
        when f_score >= 3 or m_score >= 4 then 'At Risk'
        else 'Hibernating'
    end as rfm_segment
from scored
