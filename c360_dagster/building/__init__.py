"""Decides what a build of silver and gold makes and what it can keep. Start at changes.py."""
