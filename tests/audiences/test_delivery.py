"""Delivery to a real server: in batches, with retries, each batch once, nobody who is held out."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from c360_dagster.audiences.batches import Batch, cut_batches
from c360_dagster.audiences.export import Export, Previous, build_export, compare_with_receiver
from c360_dagster.delivery.webhook import (
    Delivery,
    DeliveryError,
    DeliveryLog,
    deliver,
    name_receiver,
)
from c360_dagster.settings import REPOSITORY
from tests.audiences.gold import audience
from tests.audiences.receiver import Receiver, receive

AT_ONCE = (0.0, 0.0)
MONDAY, TUESDAY, WEDNESDAY = (date(2026, 6, day) for day in (1, 2, 3))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as server:
        yield server


@pytest.fixture
def log(tmp_path: Path) -> DeliveryLog:
    return DeliveryLog(tmp_path / "fans" / "deliveries.jsonl")


def export(
    members: int = 5, day: date = MONDAY, control: str = "", previous: Previous | None = None
) -> Export:
    names = [f"C{number}" for number in range(members)]
    found = pl.DataFrame(
        {
            "customer_id": names,
            "left_out": pl.Series([None] * members, dtype=pl.String),
            "is_control": [name in control.split() for name in names],
        },
        schema_overrides={"customer_id": pl.String, "is_control": pl.Boolean},
    )
    return build_export(audience(holdout=0.5), day, found, previous)


def batches(members: int = 5, day: date = MONDAY, **more: object) -> list[Batch]:
    return cut_batches(export(members, day, **more), size=2)  # type: ignore[arg-type]


def send(to: Receiver, log: DeliveryLog, sent: list[Batch]) -> Delivery:
    return deliver(sent, to.url, log, lambda: datetime(2026, 6, 1, 6, 0), AT_ONCE)


def test_everybody_arrives_once_in_batches(receiver: Receiver, log: DeliveryLog) -> None:
    assert send(receiver, log, batches()).say() == "Delivered in 3 batches."
    assert Delivery(sent=1, sent_before=2).say() == "Delivered in 1 batch, 2 before."
    assert receiver.members == ["C0", "C1", "C2", "C3", "C4"]
    assert [(batch["batch"], batch["batches"]) for batch in receiver.taken] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert receiver.taken[0] | {"export": "", "members": []} == {
        "audience": "fans",
        "purpose": "marketing",
        "channel": "email",
        "as_of": "2026-06-01",
        "export": "",
        "batch": 1,
        "batches": 3,
        "members": [],
    }
    assert receiver.taken[0]["members"][0] == {"customer_id": "C0", "change": "entered"}
    assert len({batch["export"] for batch in receiver.taken}) == 1
    assert len(set(receiver.asked)) == 3


def test_a_second_run_sends_nothing(receiver: Receiver, log: DeliveryLog) -> None:
    send(receiver, log, batches())
    assert send(receiver, log, batches()).say() == "Already delivered; not sent again."
    assert len(receiver.asked) == 3


def test_another_day_another_list_and_another_receiver_are_sent(
    receiver: Receiver, log: DeliveryLog
) -> None:
    send(receiver, log, batches())
    send(receiver, log, batches(day=TUESDAY))
    send(receiver, log, batches(members=6))
    assert len(receiver.asked) == len(set(receiver.asked)) == 9
    with receive() as other:
        send(other, log, batches(members=6))
        assert len(other.taken) == 3
    assert log.latest(name_receiver(receiver.url)) == TUESDAY
    assert log.latest("nobody") is None


def test_customers_who_differ_in_a_partly_delivered_list_are_sent_again(
    receiver: Receiver, log: DeliveryLog
) -> None:
    """Monday's list arrived whole, Tuesday's only in part; nobody knows who was in that part."""
    to = name_receiver(receiver.url)
    assert log.find_received(to, TUESDAY) == (None, [])
    send(receiver, log, batches(members=3))
    receiver.codes = [200, 404]
    with pytest.raises(DeliveryError):
        send(receiver, log, batches(day=TUESDAY))
    assert log.find_received(to, TUESDAY) == (MONDAY, [])
    assert log.find_received(to, WEDNESDAY) == (MONDAY, [TUESDAY])
    assert log.find_received("nobody", WEDNESDAY) == (None, [])

    def before(names: str) -> Previous:
        group = ["control" if name == "C9" else "treatment" for name in names.split()]
        return Previous(MONDAY, {}, pl.DataFrame({"customer_id": names.split(), "group": group}))

    told = compare_with_receiver(
        export(5, WEDNESDAY), before("C0 C1 C2 C8 C9"), [before("C1 C2 C3 C7")]
    )
    assert dict(told.members.select("customer_id", "change").iter_rows()) == {
        "C0": "entered",
        "C1": "stayed",
        "C2": "stayed",
        "C3": "entered",
        "C4": "entered",
    }
    assert told.left.rows() == [("C7", "treatment"), ("C8", "treatment")]


def test_a_partly_delivered_list_that_replaced_a_whole_one_counts_as_partly_held(
    receiver: Receiver, log: DeliveryLog
) -> None:
    """By then, Monday's files are those of the second list, which the receiver has only in part."""
    send(receiver, log, batches(members=3))
    receiver.codes = [200, 404]
    with pytest.raises(DeliveryError):
        send(receiver, log, batches(members=5))
    assert log.find_received(name_receiver(receiver.url), TUESDAY) == (None, [MONDAY])


def test_a_list_that_was_replaced_and_comes_back_is_sent_again(
    receiver: Receiver, log: DeliveryLog
) -> None:
    """The receiver accepts a key only once, so a list that comes again needs new keys."""
    send(receiver, log, batches())
    send(receiver, log, batches(members=1))
    assert send(receiver, log, batches()) == Delivery(sent=3, sent_before=0)
    assert len(receiver.asked) == len(set(receiver.asked)) == 7
    assert send(receiver, log, batches()) == Delivery(sent=0, sent_before=3)


def test_a_list_that_returns_is_sent_whole_though_half_of_another_came_between(
    receiver: Receiver, log: DeliveryLog
) -> None:
    send(receiver, log, batches(members=3))
    receiver.codes = [200, 404]
    with pytest.raises(DeliveryError):
        send(receiver, log, batches())
    receiver.codes = [200, 404]
    with pytest.raises(DeliveryError):
        send(receiver, log, batches(members=3))
    assert send(receiver, log, batches(members=3)) == Delivery(sent=1, sent_before=1)
    assert [batch["batch"] for batch in receiver.taken] == [1, 2, 1, 1, 2]


def test_batches_logged_by_a_version_without_numbers_are_not_sent_again(
    receiver: Receiver, log: DeliveryLog
) -> None:
    for batch in [*batches(members=4), *batches()]:
        line = {"as_of": "2026-06-01", "key": batch.content, "to": name_receiver(receiver.url)}
        log.add(line)
    assert send(receiver, log, batches()) == Delivery(sent=0, sent_before=3)
    assert send(receiver, log, batches(members=4)) == Delivery(sent=2, sent_before=0)


def test_a_receiver_that_is_busy_is_asked_again_with_the_same_key(
    receiver: Receiver, log: DeliveryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: 0.0)
    monkeypatch.setattr("c360_dagster.messages.posting.time", clock)
    receiver.codes = [408, 425, 429, 500, 502, 503, 504]
    pauses = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    deliver(batches(members=1), receiver.url, log, datetime.now, pauses)
    assert receiver.members == ["C0"]
    assert len(receiver.asked) == 8
    assert len(set(receiver.asked)) == 1
    assert slept == list(pauses)


@pytest.mark.parametrize(
    ("code", "tries", "said"),
    [
        (404, 1, "it answered 404 Not Found: check whether the address is still right"),
        (401, 1, "it answered 401 Unauthorized: the address lacks what identifies you"),
        (403, 1, "it answered 403 Forbidden: the address lacks what identifies you"),
        (410, 1, "it answered 410 Gone: check whether the address is still right"),
        (413, 1, ": the receiver does not accept messages of this size"),
        (422, 1, "does not accept the format that docs/audiences.md describes"),
        (302, 1, "it answered 302 Found"),
        (
            500,
            3,
            "it answered 500 Internal Server Error. Batches that were accepted are not sent again",
        ),
    ],
)
def test_a_refusal_says_which_batch_why_and_what_to_do(
    receiver: Receiver, log: DeliveryLog, code: int, tries: int, said: str
) -> None:
    receiver.codes = [200] + [code] * tries
    with pytest.raises(DeliveryError) as raised:
        send(receiver, log, batches())
    assert str(raised.value).startswith("Audience 'fans': batch 2 of 3 was not delivered: ")
    assert said in str(raised.value)
    assert "SECRET" not in str(raised.value)
    assert len(receiver.asked) == 1 + tries
    assert send(receiver, log, batches()) == Delivery(sent=2, sent_before=1)
    assert receiver.members == ["C0", "C1", "C2", "C3", "C4"]


def test_a_receiver_that_is_not_there_is_an_error(log: DeliveryLog) -> None:
    with Receiver() as closed:
        pass
    with pytest.raises(DeliveryError, match=r"it cannot be reached: [^:]*\. Batches that were"):
        send(closed, log, batches())


def test_held_out_customers_are_never_sent_even_when_they_leave(receiver: Receiver) -> None:
    before = pl.DataFrame({"customer_id": ["C8", "C9"], "group": ["treatment", "control"]})
    day = Previous(MONDAY, {}, before)
    for batch in batches(members=4, day=TUESDAY, control="C1 C2", previous=day):
        told = json.loads(batch.body)["members"]
        receiver.taken.append({"members": told})
    assert receiver.members == ["C0", "C3", "C8"]
    assert receiver.taken[-1]["members"] == [{"customer_id": "C8", "change": "left"}]


def test_an_empty_audience_is_delivered_too(receiver: Receiver, log: DeliveryLog) -> None:
    send(receiver, log, batches(members=0))
    assert [batch["members"] for batch in receiver.taken] == [[]]


# Crashes -----------------------------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from datetime import datetime
from c360_dagster.delivery.webhook import DeliveryLog, deliver
from tests.audiences.test_delivery import batches
now = lambda: datetime(2026, 6, 1, 6, 0)
deliver(batches(), sys.argv[1], DeliveryLog(Path(sys.argv[2])), now)
"""


def test_a_run_that_is_killed_between_batches_goes_on_where_it_was(
    receiver: Receiver, log: DeliveryLog
) -> None:
    """It is killed while the second batch waits for its answer.

    At that moment the receiver has the batch and the log does not.
    """
    running: list[subprocess.Popen[bytes]] = []

    def kill(request: int) -> None:
        if request == 2:
            running[0].kill()
            running[0].wait()

    receiver.on_request = kill
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, receiver.url, str(log.path)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    running.append(subprocess.Popen(command, cwd=REPOSITORY, env=environment))
    assert running[0].wait(60) == -9
    assert len(receiver.asked) == 2
    assert [line["batch"] for line in log.read()] == [1]

    assert send(receiver, log, batches()) == Delivery(sent=2, sent_before=1)
    first, second, again, third = receiver.asked
    assert second == again, "by its key the receiver knows the batch that it had"
    assert len({first, second, third}) == 3
    assert send(receiver, log, batches()) == Delivery(sent=0, sent_before=3)


def test_a_line_that_a_crash_cut_off_is_passed_over(receiver: Receiver, log: DeliveryLog) -> None:
    send(receiver, log, batches())
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-20])
    assert send(receiver, log, batches()) == Delivery(sent=1, sent_before=2)
    assert [line["batch"] for line in log.read()] == [1, 2, 3]
    assert send(receiver, log, batches()) == Delivery(sent=0, sent_before=3)


def test_the_log_keeps_the_address_secret_and_is_for_its_owner(
    receiver: Receiver, log: DeliveryLog
) -> None:
    send(receiver, log, batches())
    assert "SECRET" not in log.path.read_text()
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_the_log_has_a_line_for_each_batch_and_no_others(
    receiver: Receiver, log: DeliveryLog
) -> None:
    send(receiver, log, batches())
    assert log.path.read_text().splitlines() == [json.dumps(line) for line in log.read()]
