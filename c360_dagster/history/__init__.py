"""The customers of each day: recorded by every run, computed for past days, kept for ever."""
