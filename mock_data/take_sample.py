"""`python -m mock_data.take_sample`: renews mock_data/sample, the first rows of every file.

Workbooks are written as text, so that everything can be read in the repository.
"""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mock_data.generation import generate

SAMPLE = Path(__file__).parent / "sample"
ROWS = 5


def take_sample(sample: Path = SAMPLE) -> list[Path]:
    """Simulates a small world and copies the first rows of each of its files."""
    with TemporaryDirectory() as home:
        result = generate(
            home, customers=200, seed=7, start=date(2025, 1, 1), end=date(2025, 3, 31)
        )
        return [_copy_rows(Path(home) / "landing", name, sample) for name in sorted(result.files)]


def _copy_rows(landing: Path, name: str, sample: Path) -> Path:
    target = (sample / name).with_suffix(".csv")
    target.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".xlsx"):
        pl.read_excel(landing / name, infer_schema_length=0).head(ROWS).write_csv(target)
    else:
        with (landing / name).open(encoding="utf-8") as file:
            rows = [line for line, _ in zip(file, range(ROWS + 1), strict=False)]
        target.write_text("".join(rows), "utf-8")
    return target


if __name__ == "__main__":
    take_sample()
