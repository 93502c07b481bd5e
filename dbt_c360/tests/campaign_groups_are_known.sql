-- Effects are computed from the groups treatment and control only; contacts in another group, or in
-- none, are left out. Warn: only the owner knows what the word meant; each row names a group, with
-- its contacts.
{{ config(severity='warn') }}

select
    contact_group,
    count(*) as contacts
from {{ ref('fct_campaign_contacts') }}
where
    (contact_group is null or contact_group not in ('treatment', 'control'))
    and not is_after_as_of
group by contact_group
