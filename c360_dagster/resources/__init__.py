"""Resources that assets use: the warehouse, the lock, the registry of ids, Dagster's log."""
