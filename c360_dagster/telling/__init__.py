"""What people are told of a run: its last lines, its failures, alerts to a webhook."""
