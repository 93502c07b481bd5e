"""What the numbers mean, in the words that cards and tables show on hover; each said once."""

REVENUE = "Completed orders of both systems, before tax and after discounts; returns subtract."
ORDERS = "Completed orders, each counted once."
CUSTOMERS = "Different people with a completed order; guests are not among them."
ORDER_VALUE = "Revenue per order."
SPENT = "All completed orders since the beginning, with tax."
CLV = "What a customer is expected to spend, before tax, in the twelve months after the as-of day."
CHURN = "How likely a customer buys nothing in twelve months: 0 % stays, 100 % leaves."
AT_RISK = (
    "Expected value times risk of leaving. It says whom to look after first, not what will be "
    "lost: the expected value allows for the risk already."
)
CONSENT = "Customers who agreed to marketing; nobody else may be written to."
LIFT = "Share of this group's revenue per share of all groups': above 1 is more than others."
MARGIN = "Revenue less what the units cost, per revenue, where the cost is known."
ON_TIME = (
    "Parcels that came by the promised day, of those that came or are overdue; lost ones are late."
)
SATISFACTION = "Average answer from 1 to 5; empty where nobody answered."
RESOLUTION = "Half of those that were resolved took at most this many hours."
PROBABILITY = "How sure the matching is that two records are one person."
EFFECT = (
    "Revenue per contacted customer against the control group's: +20 % means a fifth more. Where "
    "the interval holds 0, chance alone may explain it."
)
