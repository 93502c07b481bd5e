"""Sends batches to a webhook, each once per delivery: the accepted ones are logged.

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
from c360_dagster.messages.posting import IDEMPOTENCY_KEY, WORTH_ANOTHER_TRY, PostError, post

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
    """Raised for a batch that did not arrive. The message says which, why, and what to do."""

    def __init__(self, message: str, *, is_silent: bool) -> None:
        super().__init__(message)
        self.is_silent = is_silent
        """Whether nobody answered. Nobody will soon, so the next batch need not wait as long."""


@dataclass(frozen=True)
class Delivery:
    """The numbers of batches of one export that were sent now and before."""

    sent: int
    sent_before: int

    def say(self) -> str:
        if not self.sent:
            return "Already delivered; not sent again."
        before = f", {self.sent_before} before" if self.sent_before else ""
        return f"Delivered in {self.sent} {'batch' if self.sent == 1 else 'batches'}{before}."


@dataclass(frozen=True)
class DeliveryLog:
    """A file with one line of JSON for each batch that a receiver took."""

    path: Path

    def read(self) -> list[dict[str, Any]]:
        return list(self._read_lines())

    def add(self, line: dict[str, Any]) -> None:
        """Adds a line, which is on disk when this returns: the process may die in the next send."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(self.path, flags, 0o600), "ab") as file:
            # Ends a line that a crash cut off; reading skips such a line.
            file.write(b"" if self._ends_whole() else b"\n")
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def latest(self, to: str) -> date | None:
        """Returns the latest day of which the receiver took anything."""
        days = [date.fromisoformat(line["as_of"]) for line in self.read() if line["to"] == to]
        return max(days, default=None)

    def read_last(self, to: str) -> list[dict[str, Any]]:
        """Returns the lines of the last delivery of which this receiver took anything."""
        lines = self._read_lines_to(to)
        return [line for line in lines if line["delivery"] == lines[-1]["delivery"]]

    def find_received(self, to: str, before: date) -> tuple[date | None, list[date]]:
        """Returns the last day before this one whose list the receiver took whole.

        Also returns the days since then whose lists it took in part.
        """
        deliveries: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for line in self._read_lines_to(to):
            deliveries.setdefault((line["delivery"], line["as_of"]), []).append(line)
        parts: list[date] = []
        for (_, as_of), lines in reversed(deliveries.items()):
            day = date.fromisoformat(as_of)
            # An older list of a day that came in part later: the day's files hold the newer list.
            if day >= before or day in parts:
                continue
            if len({line["batch"] for line in lines}) == lines[0]["batches"]:
                return day, parts
            parts.append(day)
        return None, parts

    def _read_lines_to(self, to: str) -> list[dict[str, Any]]:
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
    """Sends the batches that the receiver does not hold yet, in order, and stops at a failure.

    The receiver holds only the last list that it was sent, so an older list is sent whole again.
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
    """Returns a name for the receiver that does not reveal its address, which is a secret."""
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
