"""`python -m bench [NAME] …`: without a name, each benchmark at its default size."""

import sys

from bench import generation, lifetime, loading, models, segments

BENCHMARKS = {
    "generation": generation.main,
    "loading": loading.main,
    "models": models.main,
    "segments": segments.main,
    "lifetime": lifetime.main,
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
