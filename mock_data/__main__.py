"""`python -m mock_data`: simulates from the command line and says how fast that was."""

import argparse
import resource
import sys
import time
from datetime import date
from pathlib import Path

from mock_data.generation import generate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mock_data", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2025, 1, 1))
    parser.add_argument("--end", type=date.fromisoformat, required=True)
    parser.add_argument("--no-defects", action="store_true")
    chosen = parser.parse_args()
    began = time.perf_counter()
    try:
        result = generate(
            chosen.home,
            customers=chosen.customers,
            seed=chosen.seed,
            start=chosen.start,
            end=chosen.end,
            defects=not chosen.no_defects,
            progress=_say,
        )
    except ValueError as error:
        _say(str(error))
        return 1
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    _say(result.message)
    _say(f"{seconds:.1f} s, {result.rows / seconds:,.0f} rows/s, {memory:.2f} GB at most.")
    return 0


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
