"""Results are passed on while work goes on; work ends if it, or whoever listens, fails."""

import threading

import pytest

from c360_dagster.dbt_runner.background import Emit, run_in_thread

PATIENCE_SECONDS = 30


def test_work_continues_while_its_results_are_consumed() -> None:
    is_done = threading.Event()

    def work(emit: Emit[str]) -> None:
        emit("first")
        emit("second")
        is_done.set()

    told = run_in_thread(work, "test")
    assert next(told) == "first"
    assert is_done.wait(PATIENCE_SECONDS), "nobody asked for the second yet"
    assert list(told) == ["second"]


def test_a_failure_is_raised_after_the_results_before_it() -> None:
    def work(emit: Emit[int]) -> None:
        emit(0)
        raise OSError("the disk is full")

    told = run_in_thread(work, "test")
    assert next(told) == 0
    with pytest.raises(OSError, match="disk is full"):
        next(told)


def test_work_whose_results_are_abandoned_is_notified_and_awaited() -> None:
    is_left = threading.Event()
    still_heard = []

    def work(emit: Emit[str]) -> None:
        emit("first")
        is_left.wait(PATIENCE_SECONDS)
        while emit("more"):
            pass
        still_heard.append(False)

    told = run_in_thread(work, "test")
    next(told)
    is_left.set()
    told.close()
    assert still_heard == [False]
