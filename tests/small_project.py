"""A small copy of the dbt project that a test may break.

It holds a few models and what they read, so that dbt parses it quickly.
"""

import shutil
from pathlib import Path

from c360_dagster.dbt_runner import dbt_project

KEPT = (
    *("*.yml", "macros/*", "seeds/*", "docs/*", "models/sources/*"),
    *(f"models/**/{name}.*" for name in ("stg_customers", "stg_file_days", "int_data_clock")),
)


def copy_project(folder: Path) -> Path:
    copy = folder / "dbt_c360"
    for name in KEPT:
        for path in dbt_project.PROJECT.glob(name):
            target = copy / path.relative_to(dbt_project.PROJECT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return copy
