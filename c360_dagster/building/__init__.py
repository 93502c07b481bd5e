"""Decides what a build of silver and gold makes and what it can keep; start at changes.py."""
