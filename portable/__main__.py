"""`python -m portable`: tries both engines at once; the exit code is 1 if one refuses a model."""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portable import fake_snowflake, snowflake, spark
from portable.project import PROJECT, NotPortableError, compile_for

OUTPUT = PROJECT / "target" / "portable"


def main() -> int:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(report, (prove_spark, prove_snowflake)))
    return 0 if all(results) else 1


def report(prove: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        sentence = prove()
    except NotPortableError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    print(f"{sentence} ({time.monotonic() - began:.0f} s)", flush=True)
    return True


def prove_spark() -> str:
    project = compile_for("spark", OUTPUT / "spark")
    with tempfile.TemporaryDirectory() as folder:
        spark.analyse(project, Path(folder))
    return f"spark: {len(project.models)} models compile; a local session understands each."


def prove_snowflake() -> str:
    project = compile_for("snowflake", OUTPUT / "snowflake")
    snowflake.check(project.models)
    fake_snowflake.build(project, OUTPUT / "fakesnow")
    return (
        f"snowflake: {len(project.models)} models compile, use only listed functions "
        "and build on fakesnow."
    )


if __name__ == "__main__":
    sys.exit(main())
