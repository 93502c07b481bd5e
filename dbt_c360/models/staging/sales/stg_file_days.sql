{{ config(materialized='view') }}

{{ file_days('transactions', 'transaction_date') }}
union all
{{ file_days('workbook_transactions', 'transaction_date') }}
union all
{{ file_days('customers', 'registration_date') }}
