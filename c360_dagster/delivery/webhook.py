"""Sends batches to a webhook, each once a delivery: whatever was accepted is logged.

If a crash comes between the answer and its line in the log, the batch is sent a second time with
the same Idempotency-Key, by which the receiver recognises it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from c360_dagster.audiences.batches import Batch
from c360_dagster.telling.posting import IDEMPOTENCY_KEY, WORTH_ANOTHER_TRY, PostError, post

TIMEOUT_SECONDS = 30
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0)
LOG = "deliveries.jsonl"
ADVICE = {
    401: "the address lacks what identifies you, or that is out of date",
    403: "the address lacks what identifies you, or that is out of date",
    404: "check whether the address is still right",
    410: "check whether the address is still right",
    413: "the receiver does not accept messages of this size",
}
OTHER_ADVICE = "the receiver does not accept the format that docs/audiences.md describes"


class DeliveryError(Exception):
    """A batch that did not arrive; the message says which, why, and what to do."""

    def __init__(self, said: str, *, is_silent: bool) -> None:
        super().__init__(said)
        self.is_silent = is_silent
        """Nobody answered, so nobody will at once: the next batch need not wait as long."""


@dataclass(frozen=True)
class Delivery:
    """What became of one export's batches."""

    sent: int
    sent_before: int

    def say(self) -> str:
        if not self.sent:
            return "Already delivered; not sent again."
        before = f", {self.sent_before} before" if self.sent_before else ""
        return f"Delivered in {self.sent} {'batch' if self.sent == 1 else 'batches'}{before}."


@dataclass(frozen=True)
class DeliveryLog:
    """One line of JSON for each batch that a receiver took."""

    path: Path

    def read(self) -> list[dict[str, Any]]:
        return list(self._read_lines())

    def add(self, line: dict[str, Any]) -> None:
        """On the disk when it returns: the next thing to be sent may be what ends the process."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(self.path, flags, 0o600), "ab") as file:
            # A line that a crash cut off ends here, and is passed over when it is read.
            file.write(b"" if self._ends_whole() else b"\n")
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def latest(self, to: str) -> date | None:
        """The last day of which the receiver was told."""
        days = [date.fromisoformat(line["as_of"]) for line in self.read() if line["to"] == to]
        return max(days, default=None)

    def read_last(self, to: str) -> list[dict[str, Any]]:
        """What this receiver took of the last delivery that it got anything of."""
        lines = self._read_of(to)
        return [line for line in lines if line["delivery"] == lines[-1]["delivery"]]

    def find_held(self, to: str, before: date) -> tuple[date | None, list[date]]:
        """The last day whose list this receiver took whole, and those it took a part of since."""
        deliveries: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for line in self._read_of(to):
            deliveries.setdefault((line["delivery"], line["as_of"]), []).append(line)
        parts: list[date] = []
        for (_, as_of), lines in reversed(deliveries.items()):
            day = date.fromisoformat(as_of)
            # Of a day whose list was replaced, the files are of the one that came in part.
            if day >= before or day in parts:
                continue
            if len({line["batch"] for line in lines}) == lines[0]["batches"]:
                return day, parts
            parts.append(day)
        return None, parts

    def _read_of(self, to: str) -> list[dict[str, Any]]:
        lines = [{"delivery": 0, "content": line["key"]} | line for line in self.read()]
        return [line for line in lines if line["to"] == to]

    def _read_lines(self) -> Iterator[dict[str, Any]]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def _ends_whole(self) -> bool:
        if not self.path.exists() or not self.path.stat().st_size:
            return True
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"


def deliver(
    batches: Sequence[Batch],
    url: str,
    log: DeliveryLog,
    now: Callable[[], datetime],
    pauses: Sequence[float] = PAUSES_SECONDS,
) -> Delivery:
    """Sends what the receiver does not hold yet, in order, and stops at the first that fails.

    It holds the last list that it was sent: a list from before that goes out whole again.
    """
    to = name_receiver(url)
    last = log.read_last(to)
    number = last[-1]["delivery"] if last else 0
    if last and last[-1]["content"] in {batch.content for batch in batches}:
        taken = {line["content"] for line in last}
    else:
        number, taken = number + 1, set()
    waiting = [batch for batch in batches if batch.content not in taken]
    for batch in waiting:
        key = f"{number}-{batch.content}"
        _send(batch, key, url, pauses)
        log.add(
            {
                "as_of": batch.as_of.isoformat(),
                "batch": batch.number,
                "batches": batch.of,
                "rows": batch.rows,
                "delivery": number,
                "content": batch.content,
                "key": key,
                "to": to,
                "delivered_at": now().isoformat(timespec="seconds"),
            }
        )
    return Delivery(sent=len(waiting), sent_before=len(batches) - len(waiting))


def name_receiver(url: str) -> str:
    """Tells receivers apart without saying their addresses, which are secrets."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _send(batch: Batch, key: str, url: str, pauses: Sequence[float]) -> None:
    try:
        post(
            url,
            batch.body,
            pauses=pauses,
            timeout=TIMEOUT_SECONDS,
            headers={IDEMPOTENCY_KEY: key},
        )
    except PostError as problem:
        is_passing = problem.code is None or problem.code in WORTH_ANOTHER_TRY
        advice = "" if is_passing else f": {ADVICE.get(problem.code or 0, OTHER_ADVICE)}"
        raise DeliveryError(
            f"Audience '{batch.audience}': batch {batch.number} of {batch.of} was not delivered: "
            f"{problem}{advice}. Batches that were accepted are not sent again: fix it, and "
            "materialize the audience once more, or wait for the next run.",
            is_silent=problem.code is None,
        ) from None
