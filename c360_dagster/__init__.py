"""The orchestrated pipeline, from landing files to published tables; start at definitions.py."""
