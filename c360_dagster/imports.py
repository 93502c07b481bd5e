"""Ways to spend less time on imports: leaving parts out, importing ahead, less garbage collection.

Each command waits for its imports when it begins, and for the release of its objects when it ends.
"""

import atexit
import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import Thread
from types import ModuleType


@contextmanager
def without(package: str) -> Iterator[None]:
    """Makes a package seem not installed within the block, for code that can do without it."""
    with _in_place_of(package, None):
        yield


@contextmanager
def parts_of(package: str) -> Iterator[None]:
    """Within the block, modules of the package are imported without running its `__init__.py`."""
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
    sys.modules[package] = module  # type: ignore[assignment] # None makes an import fail
    try:
        yield
    finally:
        del sys.modules[package]


def import_ahead(modules: Iterable[str]) -> None:
    """Imports, in a thread of its own, what later steps need, while this one waits for DuckDB.

    Code that imports one of these modules in the meantime waits until it is loaded.
    """
    Thread(target=lambda: [import_module(name) for name in modules], name="imports").start()


def reduce_garbage_collection() -> None:
    """Lets the garbage collector do less in processes that load the definitions.

    These have a million objects that stay until the end. Python's collector would look at all of
    them again and again, and once more at exit, which takes a fifth of a run without news.
    """
    collect_garbage_less_often()
    atexit.register(_skip_cleanup_at_exit)


def collect_garbage_less_often() -> None:
    gc.set_threshold(50_000, 20, 20)


def _skip_cleanup_at_exit() -> None:
    """Leaves all objects to the system at exit, and sends what stderr still gets to nowhere.

    DuckDB's binding would otherwise write there about each of its objects that is left.
    """
    gc.freeze()
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
