"""Importing less: each command waits for its imports before it does anything."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within the block the package seems not to be installed; what can do without it, does."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # Python's way to refuse an import
    try:
        yield
    finally:
        del sys.modules[package]
