"""The orchestrated road from landing files to published tables; start reading at definitions.py."""
