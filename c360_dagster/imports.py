"""Importing less: each command waits for its imports before it does anything."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within the block the package seems not to be installed; what can do without it, does."""
    with _in_place_of(package, None):
        yield


@contextmanager
def parts_of(package: str) -> Iterator[None]:
    """Within the block modules of the package are imported without what its first file imports."""
    spec = find_spec(package)
    bare = ModuleType(package)
    bare.__path__ = list(spec.submodule_search_locations or ()) if spec else []
    with _in_place_of(package, bare):
        yield


@contextmanager
def _in_place_of(package: str, module: ModuleType | None) -> Iterator[None]:
    if package in sys.modules:
        yield
        return
    sys.modules[package] = module  # type: ignore[assignment] # None is how Python refuses
    try:
        yield
    finally:
        del sys.modules[package]
