"""What is personal in an answer, and how it is hidden; nothing else decides that.

Columns are hidden by their names, so an answer's columns must keep the snapshot's names.
"""

import polars as pl

MASK = "•••"

# Every column that dbt's yml marks `meta.pii`, and `name`, which queries make from two of them.
PERSONAL = frozenset(
    {
        "name",
        "first_name",
        "last_name",
        "email",
        "phone",
        "date_of_birth",
        "address_line1",
        "city",
        "zip_code",
        "destination_address",
        "last_event_location",
    }
)
# These columns hold values of the field that is named in the same row; that field decides.
BY_FIELD = ("value", "losing_values")


def mask(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns the frame with personal values replaced; an empty cell stays empty."""
    hidden = [_hide(name) for name in frame.columns if name in PERSONAL]
    if "field" in frame.columns:
        is_personal = pl.col("field").is_in(list(PERSONAL))
        hidden += [
            pl.when(is_personal).then(_hide(name)).otherwise(pl.col(name)).alias(name)
            for name in BY_FIELD
            if name in frame.columns
        ]
    else:
        hidden += [_hide(name) for name in BY_FIELD if name in frame.columns]
    return frame.with_columns(hidden)


def _hide(name: str) -> pl.Expr:
    return (
        pl.when(pl.col(name).is_null())
        .then(pl.lit(None, pl.String))
        .otherwise(pl.lit(MASK))
        .alias(name)
    )
