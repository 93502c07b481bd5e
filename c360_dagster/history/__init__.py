"""The customers of each day: every run records its day, past days are computed, all are kept."""
