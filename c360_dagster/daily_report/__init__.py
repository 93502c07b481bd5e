"""The day's report: what was sold, what changed, who may leave, what is wrong; one HTML page."""
