"""Measurements that the project's claims rest on: `python -m bench <name>`; each prints ratios."""
