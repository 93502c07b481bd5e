"""The file in which a person overrules the resolution: pairs that are one, pairs that are not.

It lies beside the rules, under version control, so that who decided what and when is known.
"""

import csv
from pathlib import Path

HEADER = ("decision", "left_system", "left_id", "right_system", "right_id", "why")
KINDS = ("always", "never")
EXAMPLE = "always,crm,C100,workbooks,77,she said so on the phone"

Record = tuple[str, str]
Pair = tuple[Record, Record]


class DecisionsError(ValueError):
    """A line that cannot be obeyed; the message names the file and the line."""


def read_decisions(path: Path) -> dict[str, list[Pair]]:
    """The pairs under `always` and under `never`, as the rules take them."""
    decisions: dict[str, list[Pair]] = {kind: [] for kind in KINDS}
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header = tuple(cell.strip() for cell in next(lines, []))
        if header != HEADER:
            raise DecisionsError(
                f"{path.name}, line 1: the header must be {','.join(HEADER)}, and it is "
                f"{','.join(header) or 'empty'}."
            )
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{path.name}, line {lines.line_num}"
            kind, pair = _read_line([cell.strip() for cell in cells], where)
            decisions[kind].append(pair)
    return decisions


def _read_line(cells: list[str], where: str) -> tuple[str, Pair]:
    kind, *ids = cells[:5]
    if kind.lower() not in KINDS:
        raise DecisionsError(
            f"{where}: the decision is '{kind}'; it must be always or never, as in: {EXAMPLE}"
        )
    if len(ids) < 4 or not all(ids):
        raise DecisionsError(
            f"{where}: two records are needed, each as its system and its id, as in: {EXAMPLE}"
        )
    left, right = (ids[0], ids[1]), (ids[2], ids[3])
    if left == right:
        raise DecisionsError(f"{where}: both sides are the record {left[0]} {left[1]}.")
    return kind.lower(), (left, right)
