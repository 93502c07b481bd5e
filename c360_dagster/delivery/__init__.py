"""Audiences on their way out: files in exports/, batches to a webhook."""
