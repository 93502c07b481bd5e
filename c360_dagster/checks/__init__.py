"""What dbt cannot check: arrival, accounting, the quality of what is estimated."""
