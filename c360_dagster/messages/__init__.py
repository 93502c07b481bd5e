"""What people are told about a run: its last lines, its failures, alerts to a webhook."""
