"""Writes gold as files that people open. Start reading at publication.py."""
