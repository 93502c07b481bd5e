"""`python -m bench [sizes]` is the report of `make bench`; `python -m bench <name> …` one part."""

import importlib
import sys

# What each measures; the report's own parts first, then those of single steps.
PARTS = {
    "road": "the road and the limit: sizes",
    "marts": "six marts against pandas: a size",
    "stock": "stock Dagster and dbt: a size",
    "ui": "`make ui` against an empty project: rounds",
    "generation": "the simulator against Faker: a size",
    "loading": "the loader against a bare read_csv: lines, rounds",
    "models": "dbt against its SQL: a size, or the path of a warehouse",
    "days": "one more day against everything: customers, days of history",
    "refresh": "the day after, from its files to what is published: a size, a folder to keep",
    "identity": "who is one person: records, or quality and a size",
    "science": "all of science: a size",
    "forecasts": "forecasts in shops like public ones: seeds",
    "dashboard": "the dashboard's questions: a size",
}
REPORT = "report"
MODULES = {"stock": "stock.compare"}


def main() -> int:
    name, *arguments = sys.argv[1:] or [REPORT]
    if name.replace("_", "").isdigit():
        name, arguments = REPORT, sys.argv[1:]
    if name not in {REPORT, *PARTS}:
        is_asked = name in {"help", "-h", "--help"}
        parts = "".join(f"  {part:<12}{said}\n" for part, said in PARTS.items())
        said = "" if is_asked else f"There is no benchmark {name}. "
        (sys.stdout if is_asked else sys.stderr).write(
            f"{said}Numbers of customers measure everything at these sizes; "
            f"these measure a part:\n{parts}"
        )
        return 0 if is_asked else 1
    run = importlib.import_module(f"bench.{MODULES.get(name, name)}").main
    return run(arguments) or 0


if __name__ == "__main__":
    raise SystemExit(main())
