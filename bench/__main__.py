"""`python -m bench <name> …`: without a name, each at its default size."""

import sys

from bench import dashboard, forecasts, generation, identity, loading, models, science

BENCHMARKS = {
    "dashboard": dashboard.main,
    "forecasts": forecasts.main,
    "generation": generation.main,
    "identity": identity.main,
    "loading": loading.main,
    "models": models.main,
    "science": science.main,
}


def main() -> int:
    name, *arguments = sys.argv[1:] or [""]
    if name and name not in BENCHMARKS:
        sys.stderr.write(f"There is no benchmark {name}; there are {', '.join(BENCHMARKS)}.\n")
        return 1
    for each, run in BENCHMARKS.items():
        if name in ("", each):
            run(arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
