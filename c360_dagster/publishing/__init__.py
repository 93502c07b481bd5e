"""Gold as files that people open; start reading at publication.py."""
