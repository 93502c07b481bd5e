"""The measurements behind the project's claims: `python -m bench <name>` prints ratios."""
