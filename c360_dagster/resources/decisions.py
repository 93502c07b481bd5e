"""Reads the file in which people decide which pairs of records are one person and which are not.

It lies beside the rules, under version control, so that it is known who decided what and when.
"""

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

HEADER = ("decision", "left_system", "left_id", "right_system", "right_id", "why")
KINDS = ("always", "never")
EXAMPLE = "always,crm,C100,workbooks,77,confirmed on the phone"

Record = tuple[str, str]
Pair = tuple[Record, Record]


class DecisionsError(ValueError):
    """Raised for a line that cannot be followed; the message names the file and the line."""


@dataclass(frozen=True)
class Decision:
    line: int
    kind: str
    pair: Pair


def read_decisions(path: Path, systems: Collection[str]) -> list[Decision]:
    """Reads the file's decisions about records of these source systems, line by line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            decisions = list(_read_lines(path, file, systems))
    except UnicodeDecodeError as problem:
        raise DecisionsError(
            f"{path} is not written in UTF-8: save it as 'CSV UTF-8'."
        ) from problem
    except OSError as problem:
        raise DecisionsError(f"{path} cannot be opened: {problem.strerror}.") from problem
    _refuse_contradictions(path, decisions)
    return decisions


def list_pairs(decisions: Iterable[Decision]) -> dict[str, list[Pair]]:
    """Returns the pairs under `always` and under `never`, in the form that the rules expect."""
    decisions = list(decisions)
    return {kind: [each.pair for each in decisions if each.kind == kind] for kind in KINDS}


def _read_lines(path: Path, file: Iterable[str], systems: Collection[str]) -> Iterable[Decision]:
    lines = csv.reader(file, strict=True)
    begun = 1
    try:
        header = tuple(cell.strip() for cell in next(lines, []))
        if header != HEADER:
            raise DecisionsError(
                f"{path}, line 1: the header must be {','.join(HEADER)}, and it is "
                f"{','.join(header) or 'empty'}."
            )
        begun = lines.line_num + 1
        for cells in lines:
            if any(cell.strip() for cell in cells):
                where = f"{path}, line {begun}"
                kind, pair = _read_line([cell.strip() for cell in cells], where, systems)
                yield Decision(begun, kind, pair)
            begun = lines.line_num + 1
    except csv.Error as problem:
        raise DecisionsError(
            f"{path}, line {begun}: its quotes do not match ({problem}), and they may take in the "
            "lines below: close the one that opens, and write a quote within a text twice."
        ) from problem


def _read_line(cells: list[str], where: str, systems: Collection[str]) -> tuple[str, Pair]:
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
    for system in (left[0], right[0]):
        if system not in systems:
            raise DecisionsError(
                f"{where}: there is no source system '{system}', only "
                f"{' and '.join(sorted(systems))}; write it as in: {EXAMPLE}"
            )
    if left == right:
        raise DecisionsError(f"{where}: both sides are the record {left[0]} {left[1]}.")
    return kind.lower(), (left, right)


def _refuse_contradictions(path: Path, decisions: Iterable[Decision]) -> None:
    decided: dict[frozenset[Record], Decision] = {}
    for each in decisions:
        before = decided.setdefault(frozenset(each.pair), each)
        if before.kind != each.kind:
            (left, left_id), (right, right_id) = each.pair
            raise DecisionsError(
                f"{path}, lines {before.line} and {each.line}: {left} {left_id} and {right} "
                f"{right_id} stand under always and under never; remove one of the lines."
            )
