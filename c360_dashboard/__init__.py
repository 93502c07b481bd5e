"""The dashboard: web pages on the published snapshot, which they only ever read."""
