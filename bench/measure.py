"""Runs a function in a process of its own and says how long it took and what memory it needed."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection


@dataclass(frozen=True)
class Measured:
    seconds: float
    megabytes: float
    result: object


def measure(function: Callable[..., object], *arguments: object, **options: object) -> Measured:
    """Starts fresh, so that neither caches nor memory of an earlier measurement count."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, function, arguments, options))
    process.start()
    theirs.close()
    measured: Measured = ours.recv()
    process.join()
    return measured


def _run(
    pipe: Connection,
    function: Callable[..., object],
    arguments: tuple[object, ...],
    options: dict[str, object],
) -> None:
    began = time.perf_counter()
    result = function(*arguments, **options)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send(Measured(seconds, peak, result))
    pipe.close()
