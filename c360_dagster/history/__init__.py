"""The customers day by day: what the road said of each, kept for ever and computed for the past."""
