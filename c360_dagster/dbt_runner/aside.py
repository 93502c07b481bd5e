"""Runs work in a thread of its own and passes on its results as they come."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")
Tell = Callable[[T], bool]
"""Passes a result on and returns whether anybody still listens."""


def work_aside(work: Callable[[Tell[T]], None], name: str) -> Generator[T, None, None]:
    """Yields what the work tells, and then raises the error that stopped the work, if any."""
    told: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()
    problems: list[BaseException] = []
    is_heard = True

    def tell(item: T) -> bool:
        told.put((item,))
        return is_heard

    def run() -> None:
        try:
            work(tell)
        except BaseException as problem:  # noqa: BLE001  raised in the thread that listens
            problems.append(problem)
        finally:
            told.put(None)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        while said := told.get():
            yield said[0]
    finally:
        is_heard = False
        thread.join()
    if problems:
        raise problems[0]
