"""What assets need from outside: the warehouse, the lock, the landing folder."""
