"""The simulator's use of the landing folder: whose files are there, its mark, and writing files.

New files appear only when they are complete. Files that the simulator did not write are never
touched.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

from landing_contract import show_name

MARK = ".simulated.json"
DATA_ENDINGS = (".csv", ".csv.gz", ".parquet", ".xlsx")


@dataclass(frozen=True)
class Result:
    """What a call did: the rows of each file that it wrote, or a message why it wrote none."""

    message: str
    files: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.files.values())


@dataclass(frozen=True)
class Plan:
    """What is left to generate: the days after `after` (all if it is None) up to `end`."""

    after: date | None
    end: date


class Landing:
    """The folder and its mark, for one seed, size, first day and choice of defects."""

    def __init__(self, root: Path, world: dict[str, Any]) -> None:
        self.root = root
        self.world = world
        self.mark, self.is_readable = _read_mark(root / MARK)

    def plan(self, end: date) -> Plan | str:  # noqa: PLR0911  each reason is its own sentence
        """Returns what to generate up to a day, or a sentence that says why nothing is."""
        present = set(self._data_files())
        if not self.is_readable:
            return _refuse(
                f"{self.root / MARK} cannot be read, and says which files were simulated"
            )
        if self.mark is None:
            return Plan(None, end) if not present else _refuse(
                f"{self.root} holds files that were not simulated ({_name_some(present)})"
            )  # fmt: skip
        if refused := self._find_mismatch(present):
            return _refuse(refused)
        attempt, reached = self.mark.get("attempt", {}), self.mark["end"]
        if reached and not present and not attempt:
            self.mark = None
            return Plan(None, end)
        if reached and date.fromisoformat(reached) >= end and not attempt:
            return f"Nothing to generate: the simulated days already reach {reached}."
        fingerprints = self.mark["files"] | attempt.get("files", {})
        if changed := [
            name
            for name, fingerprint in fingerprints.items()
            if not self._is_unchanged(name, fingerprint)
        ]:
            return _refuse(
                f"files in {self.root} are no longer those that were simulated "
                f"({_name_some(changed)})"
            )
        if not reached:
            return Plan(None, end)
        # An interrupted attempt is repeated, at least up to the end that it was meant to reach.
        meant = date.fromisoformat(attempt["end"]) if attempt else end
        return Plan(date.fromisoformat(reached), max(end, meant))

    def _find_mismatch(self, present: set[str]) -> str | None:
        """Returns why the files there belong to another world or to somebody else, or None."""
        mark = self.mark or {}
        other = [k for k, v in self.world.items() if mark.get(k) != v]
        if "edition" in other:
            return (
                f"{self.root} was simulated by another version of this project, which simulates "
                "people differently; for more days, simulate all of them in another C360_HOME"
            )
        if other:
            was = ", ".join(f"{k} {mark.get(k)}" for k in other)
            now = ", ".join(f"{k} {self.world[k]}" for k in other)
            return f"{self.root} was simulated with {was}, not with {now}"
        if foreign := present - set(mark["files"]) - set(mark.get("attempt", {}).get("files", {})):
            return f"{self.root} also holds files that were not simulated ({_name_some(foreign)})"
        return None

    def begin(self, end: date, names: Iterable[str]) -> None:
        """Records the attempt in the mark before the first byte is written."""
        earlier = (self.mark or {}).get("attempt", {}).get("files", {})
        in_place = {
            name: fingerprint
            for name, fingerprint in earlier.items()
            if (self.root / name).exists()
        }
        self._mark_attempt(end, dict.fromkeys(names) | in_place)

    def temporary(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{path.name}.partial")

    def finish(self, end: date, names: Iterable[str]) -> None:
        """Records the new files' fingerprints, puts the files in place and completes the mark."""
        names = list(names)
        earlier = (self.mark or {}).get("attempt", {}).get("files", {})
        fingerprints = {name: _fingerprint(self.temporary(name)) for name in names}
        self._mark_attempt(end, fingerprints)
        for name in sorted({*earlier, *fingerprints}):
            target = self.root / name
            if os.path.lexists(target) and (
                target.is_dir() or _fingerprint(target) != earlier.get(name)
            ):
                raise FileExistsError(f"{target} appeared while it was being simulated.")
        for name in names:
            self.temporary(name).replace(self.root / name)
        for name in earlier.keys() - fingerprints.keys():
            (self.root / name).unlink(missing_ok=True)
        known = (self.mark or {}).get("files", {})
        mark = {
            **self.world,
            "state": "finished",
            "end": end.isoformat(),
            "files": known | fingerprints,
        }
        _write_json(self.root / MARK, mark)

    def _mark_attempt(self, end: date, files: Mapping[str, str | None]) -> None:
        known = self.mark or {"end": None, "files": {}}
        mark = {
            **self.world,
            "state": "unfinished",
            "end": known["end"],
            "files": known["files"],
            "attempt": {"end": end.isoformat(), "files": files},
        }
        _write_json(self.root / MARK, mark)
        self.mark = mark

    def _data_files(self) -> list[str]:
        """Returns everything whose name looks like data, including folders and links."""
        return [
            path.relative_to(self.root).as_posix()
            for path in sorted(self.root.rglob("*"))
            if path.name.lower().endswith(DATA_ENDINGS) and not path.name.startswith((".", "~$"))
        ]

    def _is_unchanged(self, name: str, fingerprint: str | None) -> bool:
        path = self.root / name
        if not os.path.lexists(path):
            return name not in (self.mark or {})["files"]
        return path.is_file() and _fingerprint(path) == fingerprint


def _refuse(reason: str) -> str:
    return f"Nothing generated: {reason}; simulated rows are never mixed with others."


def _name_some(names: Iterable[str]) -> str:
    ordered = sorted(map(show_name, names))
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _fingerprint(path: Path) -> str:
    """Returns size and a hash of both ends, which is enough to recognise the simulator's files."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = blake2b(file.read(1 << 16), digest_size=16)
        file.seek(max(0, size - (1 << 16)))
        digest.update(file.read())
    return f"{size}:{digest.hexdigest()}"


def _read_mark(path: Path) -> tuple[dict[str, Any] | None, bool]:
    """Returns the mark, if there is one, and whether it is readable."""
    if not path.is_file():
        return None, True
    try:
        mark = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None, False
    return mark, isinstance(mark, dict) and {"end", "files"} <= mark.keys()


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    partial.replace(path)
