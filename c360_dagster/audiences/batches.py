"""Cuts an export into the batches that a webhook is sent.

Members who are held out are in none of them.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from c360_dagster.audiences.export import LEFT, TREATMENT, Export

SIZE = 500
"""The most members in one batch."""


@dataclass(frozen=True)
class Batch:
    audience: str
    as_of: date
    number: int
    of: int
    rows: int
    content: str
    """SHA-256 of the body. Cutting the same list again gives the same value; another list never
    does."""
    body: bytes


def cut_batches(export: Export, size: int = SIZE) -> list[Batch]:
    """Returns batches of the members, followed by those who left.

    If there are neither, returns one empty batch, so that the receiver knows to empty its list.
    """
    rows = [
        *_rows(export.members.filter(group=TREATMENT).drop("group")),
        *_rows(
            export.left.filter(group=TREATMENT).select("customer_id", pl.lit(LEFT).alias("change"))
        ),
    ]
    digest = hashlib.sha256(_encode(rows)).hexdigest()
    parts = [rows[start : start + size] for start in range(0, len(rows), size)] or [[]]
    return [
        _build(export, number, len(parts), part, digest) for number, part in enumerate(parts, 1)
    ]


def _build(
    export: Export, number: int, of: int, rows: Sequence[dict[str, Any]], digest: str
) -> Batch:
    body = _encode(
        {
            "audience": export.audience.name,
            "purpose": export.audience.purpose.name,
            "channel": export.audience.channel,
            "as_of": export.as_of,
            "export": digest,
            "batch": number,
            "batches": of,
            "members": rows,
        }
    )
    content = hashlib.sha256(body).hexdigest()
    return Batch(export.audience.name, export.as_of, number, of, len(rows), content, body)


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()


def _encode(content: object) -> bytes:
    return json.dumps(content, default=_plain, ensure_ascii=False).encode()


def _plain(value: object) -> str:
    """Returns amounts as text, so that no cent is lost, and dates and times in ISO format."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
