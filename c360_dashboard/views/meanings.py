"""What the numbers mean, in the words that cards and tables show on hover; each is written once."""

REVENUE = "Completed orders from both systems, before tax and after discounts; returns subtract."
ORDERS = "Completed orders, each counted once."
CUSTOMERS = "Different people with a completed order; guests are not among them."
ORDER_VALUE = "Revenue per order."
SPENT = "All completed orders since the beginning, with tax."
CLV = "What a customer is expected to spend, before tax, in the twelve months after the as-of day."
CHURN = "How likely a customer buys nothing in twelve months: 0 % stays, 100 % leaves."
AT_RISK = (
    "Expected value times risk of leaving. It says whom to look after first, not what will be "
    "lost: the expected value already allows for the risk."
)
CONSENT = "Customers who agreed to marketing; nobody else may be written to."
LIFT = (
    "The category's share of this group's revenue, divided by its share of everybody's: "
    "above 1, the group likes it more than others do."
)
MARGIN = "Revenue less the cost of the units, as a share of revenue, where the cost is known."
ON_TIME = (
    "Share of parcels that arrived by the promised day, among those that arrived or are "
    "overdue; lost ones count as late."
)
SATISFACTION = "Average answer from 1 to 5; empty where nobody answered."
RESOLUTION = "Median: half of the resolved tickets took at most this many hours."
PROBABILITY = "How sure the matching is that two records are one person."
EFFECT = (
    "Revenue per contacted customer compared with the control group's: +20 % means a fifth "
    "more. If the interval includes 0, chance alone may explain it."
)
