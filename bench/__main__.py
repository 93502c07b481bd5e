"""`make bench` runs `python -m bench [sizes]`; `python -m bench <name> …` measures one part."""

import importlib
import sys

# What each part measures, and its arguments. The report's parts come first, then single steps.
PARTS = {
    "road": "the pipeline against the limit, the same work in one plain process: sizes",
    "marts": "six marts against pandas: a size",
    "stock": "stock Dagster and dbt: a size",
    "ui": "`make ui` against an empty project: rounds",
    "generation": "the simulator against Faker: a size",
    "loading": "the loader against a bare read_csv: lines, rounds",
    "models": "dbt against its compiled SQL: a size, or the path of a warehouse",
    "days": "the models of one more day against all models: a size, days of history",
    "refresh": "one more day against the first run: a size, a folder to keep the results in",
    "identity": "who is one person: records, or `quality` and a number of people",
    "science": "all of science: sizes",
    "forecasts": "forecasts in shops that resemble public data: how many seeds",
    "dashboard": "the dashboard's queries and pages: a size",
}
REPORT = "report"
MODULES = {"stock": "stock.compare"}


def main() -> int:
    name, *arguments = sys.argv[1:] or [REPORT]
    if name.replace("_", "").isdigit():
        name, arguments = REPORT, sys.argv[1:]
    if name not in {REPORT, *PARTS}:
        is_asked = name in {"help", "-h", "--help"}
        parts = "".join(f"  {part:<12}{purpose}\n" for part, purpose in PARTS.items())
        problem = "" if is_asked else f"There is no benchmark {name}. "
        (sys.stdout if is_asked else sys.stderr).write(
            f"{problem}Give sizes, which are numbers of customers, to measure everything, "
            f"or one of these parts with its arguments:\n{parts}"
        )
        return 0 if is_asked else 1
    run = importlib.import_module(f"bench.{MODULES.get(name, name)}").main
    return run(arguments) or 0


if __name__ == "__main__":
    raise SystemExit(main())
