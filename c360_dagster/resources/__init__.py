"""What assets need from outside: the warehouse, the lock, the ids, Dagster's log of runs."""
