"""From a file in landing to typed rows in bronze; start reading at bronze.py."""
