"""Finds files in landing that belong to no table, and the names that were probably meant."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from c360_dagster.loading.files import SUFFIXES, match_name
from landing_contract import Table, show_name

LEFT_BY_WINDOWS = {"thumbs.db", "desktop.ini"}
"""Windows puts these into every folder that somebody opens and hides them, so nobody deletes
them."""
NUMBERED = re.compile(r"_?\d.*")
"""What may follow a table's name: a day or a number."""
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz")
ON_THE_WAY = (".part", ".filepart", ".partial", ".crdownload", ".tmp")
"""Endings that programs give to files until these are completely copied."""
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
"""Formats that have to be saved as CSV; renaming such a file is not enough."""


def find_unknown_files(landing: Path, tables: dict[str, Table]) -> list[str]:
    """Names of files in landing that belong to no table: most likely misspelt."""
    if not landing.is_dir():
        return []
    folders = {table.folder for table in tables.values()}
    unknown = []
    for path in sorted(landing.rglob("*")):
        parts = path.relative_to(landing).parts
        if path.is_dir() or any(part.startswith((".", "~$")) for part in parts):
            continue
        if path.name.lower() in LEFT_BY_WINDOWS:
            continue
        is_known = len(parts) == 2 and parts[0] in folders
        if is_known and any(
            table.folder == parts[0] and match_name(path.name, table) for table in tables.values()
        ):
            continue
        if not any(part in ("tmp", "temp") for part in parts):
            unknown.append(show_name("/".join(parts)))
    return unknown


def explain_unknown_file(name: str, tables: Mapping[str, Table]) -> str:
    """A sentence about a file that belongs to no table; `name` is its path below landing."""
    what = f"{name} belongs to no table"
    if (right := _find_right_name(name.lower(), tables)) is None:
        return f"{what}: docs/your-own-data.md says how each table's files are named."
    if right == name.lower():
        return f"{what}: upper and lower case matter, so call it {right}."
    if name.lower().endswith(ON_THE_WAY):
        return f"{what}: it seems to be still on its way, and loads once it is called {right}."
    if name.lower().endswith(ARCHIVES):
        return f"{what}: did you mean {right}? Then unpack it."
    is_renamed = right.endswith(".xlsx") or not name.lower().endswith(SPREADSHEETS)
    then = "call it that" if is_renamed else "save it as CSV under that name"
    return f"{what}: did you mean {right}? Then {then}."


def _find_right_name(name: str, tables: Mapping[str, Table]) -> str | None:
    """Returns the most similar name that a table's file could have, or None.

    Expects the name in lower case; returns it as it is if only upper case was wrong.
    """
    folder, _, file = name.rpartition("/")
    suffix = next((each for each in SUFFIXES if file.endswith(each)), "")
    if not suffix:  # another ending follows it, such as that of a copy or of an archive
        file = file.rpartition(".")[0]
        suffix = next((each for each in SUFFIXES if file.endswith(each)), "")
    stem = file.removesuffix(suffix)
    for table in sorted(tables.values(), key=lambda table: table.folder != folder):
        if match_name(file, table):
            return f"{table.folder}/{file}"
    rest = NUMBERED.search(stem)
    stem = stem[: rest.start()] if rest else stem
    stems = {table.file_stem: table for table in tables.values()}
    for near in get_close_matches(stem, stems, n=1, cutoff=0.75):
        table = stems[near]
        fits = suffix and (suffix != ".xlsx" or table.is_workbook)
        day = f"_{rest.group().strip('_()')}" if rest else ""
        return f"{table.folder}/{near}{day}{suffix if fits else '.csv'}"
    return None
