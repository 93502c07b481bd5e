"""Delivers audiences: as files in exports/ and as batches to a webhook."""
