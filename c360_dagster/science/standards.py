"""How good each estimate must be, in numbers and in words; the modules in answers/ apply it."""

STABLE, SMALLEST, LIKE_THE_TRUTH = 0.80, 0.05, 0.60
CHANGED = 0.05
WORSE_THAN_NAIVE = 1.02
COVERED = (0.75, 0.85)
TOTAL_OFF, DECILES_OFF = 0.10, 0.15
BETTER_THAN_POPULARITY = 1.5
RECOVERED = 0.85
ORDERS_TO_TELL = 3

CHECKS = {
    "segments": {
        "segments_are_stable": (
            "In repeated samples customers fall into the same segments (adjusted Rand "
            f"{STABLE} or more), none has less than {SMALLEST:.0%}, and no other number of "
            "segments is clearly better."
        ),
        "personas_last": (
            "Of the customers of the run before, no more than "
            f"{CHANGED:.0%} have another persona now."
        ),
        "personas_agree_with_the_truth": (
            f"Among simulated customers with {ORDERS_TO_TELL} orders, the personas are the "
            f"simulator's (adjusted Rand {LIKE_THE_TRUTH} or more)."
        ),
    },
    "forecasts": {
        "beats_naive_forecasts": (
            "On the window since the cutoff, the forecast's errors are at most "
            f"{WORSE_THAN_NAIVE - 1:.0%} above those of the best naive forecast."
        ),
        "intervals_cover": (
            f"Of the 80 % intervals, {COVERED[0]:.0%} to {COVERED[1]:.0%} held; more "
            "where so many bought nothing that no interval can leave them out."
        ),
        "churn_is_told_apart": (
            "In the window since the cutoff, those who did not come back had the higher risks, "
            "and the risks are closer to what happened (Brier score) than one risk for "
            "everybody."
        ),
        "agrees_with_the_future": (
            "Simulated customers do what was forecast: in total within "
            f"{TOTAL_OFF:.0%}, by tenths within {DECILES_OFF:.0%}, and the 80 % intervals hold "
            "what came as `intervals_cover` asks."
        ),
    },
    "next_products": {
        "beats_popularity": (
            "The suggestions foresee at least as many of the purchases held out as the same "
            f"number of best sellers do; for simulated customers {BETTER_THAN_POPULARITY} times "
            "as many, unless the suggestions are best sellers themselves."
        ),
    },
    "campaign_effects": {
        "planted_lifts_are_found": (
            f"For {RECOVERED:.0%} of the simulated campaigns, the interval of the lift includes "
            "the planted effect."
        ),
    },
}
"""For each table, its checks and what they require."""
