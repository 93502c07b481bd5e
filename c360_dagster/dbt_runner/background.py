"""Runs work in a thread of its own and passes on its results as they come."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")
Emit = Callable[[T], bool]
"""Passes a result on and returns whether anybody still wants more."""


def run_in_thread(work: Callable[[Emit[T]], None], name: str) -> Generator[T, None, None]:
    """Yields what the work emits, and then raises the error that stopped the work, if any."""
    results: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()
    problems: list[BaseException] = []
    is_consumed = True

    def emit(item: T) -> bool:
        results.put((item,))
        return is_consumed

    def run() -> None:
        try:
            work(emit)
        except BaseException as problem:  # noqa: BLE001  raised in the thread that reads the results
            problems.append(problem)
        finally:
            results.put(None)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        while result := results.get():
            yield result[0]
    finally:
        is_consumed = False
        thread.join()
    if problems:
        raise problems[0]
