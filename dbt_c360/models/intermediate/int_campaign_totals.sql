{{ config(materialized='table') }}

{%- set groups = {'treated': 'treatment', 'control': 'control'} -%}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

responses as (
    select * from {{ ref('int_campaign_responses') }}
),

segments as (
    select * from {{ ref('int_customer_segments') }}
),

dated as (
    select
        responses.*,
        responses.last_date >= clock.as_of_date as is_running
    from responses
    cross join clock
),

-- cluster 0 is everybody, including people without a cluster
watched as (
    select
        campaign_id,
        0 as cluster_id,
        contact_group,
        opens,
        clicks,
        is_converted,
        revenue,
        is_running
    from dated
    union all
    select
        dated.campaign_id,
        segments.cluster_id,
        dated.contact_group,
        dated.opens,
        dated.clicks,
        dated.is_converted,
        dated.revenue,
        dated.is_running
    from dated
    inner join segments
        on dated.customer_id = segments.customer_id
    where segments.cluster_id is not null
)

select
    campaign_id,
    cluster_id,
    {% for side, drawn in groups.items() %}
        {{ count_if("contact_group = '" ~ drawn ~ "'") }} as {{ side }}_contacts,
        {{ count_if("contact_group = '" ~ drawn ~ "' and is_converted = 1") }}
            as {{ side }}_conversions,
        {{ money_sum("case when contact_group = '" ~ drawn ~ "' then revenue end") }}
            as {{ side }}_revenue,
    {% endfor %}
    {{ count_if('contact_group is null') }} as in_both_groups,
    {{ count_if("contact_group = 'treatment' and opens = 1") }} as opens,
    {{ count_if("contact_group = 'treatment' and clicks = 1") }} as clicks,
    max(case when is_running then 1 else 0 end) = 1 as is_running
from watched
group by campaign_id, cluster_id
