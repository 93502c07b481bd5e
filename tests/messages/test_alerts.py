"""The message about a run: how it is made from Dagster's log, and how it reaches a webhook."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import WILL_RETRY_TAG

from c360_dagster.messages import posting
from c360_dagster.messages.alerts import MOST_NAMED, AlertError, send, write_message
from c360_dagster.messages.posting import PostError, post
from c360_dagster.messages.reports import (
    NOT_DELIVERED_TAG,
    Failure,
    Finding,
    RunReport,
    name_reason,
    read_report,
)
from c360_dagster.resources.at_work import GONE
from c360_dagster.resources.warehouse import WarehouseError

ADDRESS = "http://127.0.0.1:3000"
AT_ONCE = (0.0, 0.0)


class Webhook(HTTPServer):
    """Answers with the given codes in turn, then with 200, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.codes: list[int] = []
        self.received: list[dict[str, str]] = []
        self.methods: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.length = 0
        """The announced length of the answer's body, which never comes."""
        self.is_garbled = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/SECRET"


class _Answer(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/json"
        self.server.received.append(json.loads(body))
        self._answer(self.server.codes.pop(0) if self.server.codes else 200)

    def do_GET(self) -> None:
        self._answer(200)

    def _answer(self, code: int) -> None:
        self.server.methods.append(self.command)
        self.server.may_answer.wait(60)
        if self.server.is_garbled:
            self.wfile.write(b"no HTTP\r\n")
            return
        self.send_response(code)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(self.server.length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_message_arrives_as_slack_takes_it(webhook: Webhook) -> None:
    send(webhook.url, "1 < 2 & 3 > 2", AT_ONCE)
    assert webhook.received == [{"text": "1 &lt; 2 &amp; 3 &gt; 2"}]


def test_mentions_and_pictures_in_quoted_data_have_no_effect(webhook: Webhook) -> None:
    send(webhook.url, "@channel @Everyone a@all.example ![x](http://x/y) me@here", AT_ONCE)
    (told,) = webhook.received
    for loud in ("@channel", "@Everyone", "](http", "@here"):
        assert loud not in told["text"]
    assert told["text"].replace("\N{ZERO WIDTH SPACE}", "").startswith("@channel @Everyone a@all")


def test_a_webhook_that_is_busy_is_asked_again(webhook: Webhook) -> None:
    webhook.codes = [503, 429]
    send(webhook.url, "late", AT_ONCE)
    assert len(webhook.received) == 3


def test_an_answer_that_goes_on_for_ever_is_not_waited_for(webhook: Webhook) -> None:
    webhook.length = 1 << 40
    send(webhook.url, "taken", AT_ONCE)
    assert len(webhook.received) == 1


def test_a_message_is_not_resent_to_a_webhook_that_took_it_silently(webhook: Webhook) -> None:
    """The receiver may have the message, and would show it as often as it was sent."""
    webhook.may_answer.clear()
    with pytest.raises(AlertError, match="it was sent, and not answered in time"):
        send(webhook.url, "taken", AT_ONCE, timeout=0.2)
    webhook.may_answer.set()
    send(webhook.url, "the next", AT_ONCE)
    assert [each["text"] for each in webhook.received] == ["taken", "the next"]


def test_all_tries_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One check by the sensor sends up to two messages and must end within Dagster's minute."""
    clock, given = [0.0], []

    def refuse_slowly(url: str, _body: bytes, _headers: object, timeout: float) -> None:
        given.append(timeout)
        clock[0] += 20
        raise HTTPError(url, 500, "Busy", Message(), None)

    monkeypatch.setattr(
        posting, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=AT_ONCE.index)
    )
    monkeypatch.setattr(posting, "_post_once", refuse_slowly)
    with pytest.raises(AlertError, match="it answered 500 Busy"):
        send("http://127.0.0.1:9/hook", "late", AT_ONCE, timeout=25)
    assert given == [25, 5]


@pytest.mark.parametrize(
    ("code", "tries"),
    [
        *((code, 1) for code in (302, 404, 501)),
        *((code, 3) for code in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_a_refusal_is_an_error_that_keeps_the_address_secret(
    webhook: Webhook, code: int, tries: int
) -> None:
    webhook.codes = [code] * 3
    with pytest.raises(AlertError, match=rf"C360_WEBHOOK_URL.*{code} \w+") as raised:
        send(webhook.url, "lost", AT_ONCE)
    assert webhook.methods == ["POST"] * tries
    assert "SECRET" not in str(raised.value)


def test_a_webhook_that_is_not_there_is_an_error() -> None:
    with Webhook() as closed:
        url = closed.url
    with pytest.raises(AlertError, match="cannot be reached"):
        send(url, "lost", AT_ONCE)


def test_a_garbled_answer_is_an_error(webhook: Webhook) -> None:
    webhook.is_garbled = True
    with pytest.raises(AlertError, match="cannot be reached: no HTTP"):
        send(webhook.url, "lost", AT_ONCE)


def test_it_pauses_between_attempts_but_not_after_the_last(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[tuple[float, int]] = []
    monkeypatch.setattr("time.sleep", lambda s: pauses.append((s, len(webhook.received))))
    webhook.codes = [503] * 3
    with pytest.raises(PostError):
        post(webhook.url, b"{}", pauses=(1.0, 2.0), timeout=5)
    assert pauses == [(1.0, 1), (2.0, 2)]
    assert len(webhook.received) == 3


def test_the_message_names_the_job_reason_tables_and_address() -> None:
    report = RunReport(
        run_id="4711",
        job="daily_refresh",
        has_failed=True,
        failures=(Failure("load_bronze", "The disk is full."), Failure(None, "It stopped.")),
        errors=(Finding("gold/dim_customers", "unique_customer_id", "2 rows"),),
        warnings=(
            Finding("bronze/rates", "arrival", ""),
            Finding("bronze/sales", "arrival", "1 file was refused."),
        ),
        stale=("gold/a", "gold/b", "gold/c", "gold/d", "gold/e", "gold/f", "published/c360"),
    )
    assert write_message(report, ADDRESS).splitlines() == [
        "Customer 360: daily_refresh failed. What was published before stays as it was.",
        "Why, in load_bronze: The disk is full.",
        "Why: It stopped.",
        "Check unique_customer_id on gold/dim_customers: 2 rows",
        "2 warnings, on bronze/rates, bronze/sales. bronze/sales says: 1 file was refused.",
        (
            "Not rebuilt because of it: published/c360; "
            "gold/a, gold/b, gold/c, gold/d, gold/e and 1 more."
        ),
        "http://127.0.0.1:3000/runs/4711",
    ]


def test_a_long_reason_is_cut_and_of_many_some_are_named() -> None:
    errors = tuple(Finding(f"gold/t{number}", "key", "x" * 5000) for number in range(20))
    message = write_message(RunReport("1", "everything", has_failed=False, errors=errors), ADDRESS)
    assert message.splitlines()[0] == "Customer 360: everything succeeded, but checks failed."
    assert "… and 15 more checks." in message
    assert len(message) < 4000
    warned = replace(errors[0], check="arrival")
    ended = write_message(RunReport("1", "x", has_failed=False, warnings=(warned,)), ADDRESS)
    assert "x…\n" in ended
    few = write_message(
        RunReport("1", "everything", has_failed=False, errors=errors[:MOST_NAMED]), ADDRESS
    )
    assert "more checks" not in few
    failures = tuple(Failure(f"step_{number}", "y" * 5000) for number in range(20))
    failed = write_message(RunReport("1", "everything", has_failed=True, failures=failures), "")
    assert failed.count("Why, in step_") == MOST_NAMED


def test_a_check_without_a_description_is_named_without_a_quote() -> None:
    silent = Finding("gold/orders", "key", "")
    known = replace(silent, description="2 rows", is_known=True)
    report = RunReport("1", "everything", has_failed=True, errors=(silent,), warnings=(known,))
    assert write_message(report, ADDRESS).splitlines() == [
        "Customer 360: everything failed.",
        "Check key on gold/orders: it did not pass",
        "http://127.0.0.1:3000/runs/1",
    ]
    new = replace(silent, table="gold/lines")
    ended = RunReport("1", "everything", has_failed=False, warnings=(silent, silent, new))
    assert write_message(ended, ADDRESS).splitlines() == [
        "Customer 360: everything succeeded, with warnings.",
        "3 warnings, on gold/lines, gold/orders.",
        "http://127.0.0.1:3000/runs/1",
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("c360_dagster.resources.warehouse.WarehouseError: It is open.\n", "It is open."),
        ("duckdb.duckdb.IOException: IO Error: no", "IOException: IO Error: no"),
        ("KeyError: 'a.b'\n", "KeyError: 'a.b'"),
        ("gold.orders has 2 rows", "gold.orders has 2 rows"),
        ("It said: c360_dagster.a.B: no", "It said: c360_dagster.a.B: no"),
    ],
)
def test_a_reason_is_not_a_path_of_classes(message: str, reason: str) -> None:
    assert name_reason(message) == reason


# What is read from a run ------------------------------------------------------------------------


@dg.asset(
    key=["bronze", "orders"],
    check_specs=[dg.AssetCheckSpec("arrival", asset=["bronze", "orders"])],
)
def orders() -> dg.MaterializeResult:
    warned = dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, description="1 file refused"
    )
    return dg.MaterializeResult(check_results=[warned])


@dg.asset(key=["published", "c360"], deps=[["gold", "marts"]])
def published() -> None:
    pass


def run(body: Callable[[], object]) -> RunReport:
    """Returns the report of a run in which the asset `gold/marts` executes `body`."""

    @dg.asset(
        key=["gold", "marts"],
        deps=[orders],
        check_specs=[dg.AssetCheckSpec("whole", asset=["gold", "marts"])],
    )
    def marts() -> dg.MaterializeResult:
        result = body()
        assert isinstance(result, dg.MaterializeResult)
        return result

    with dg.instance_for_test() as instance:
        result = dg.materialize([orders, marts, published], instance=instance, raise_on_error=False)
        ended = instance.get_run_by_id(result.run_id)
        assert ended
        return read_report(instance, ended)


def checked(*, passed: bool) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(passed=passed, description="3 rows")]
    )


def test_a_failed_run_names_the_first_cause_and_the_tables_not_made() -> None:
    def fail() -> None:
        try:
            Path("/nowhere").read_text("utf-8")
        except OSError as problem:
            raise WarehouseError("It is open in another program.") from problem

    report = run(fail)
    assert report.has_failed
    assert report.failures == (Failure("gold__marts", "It is open in another program."),)
    assert report.stale == ("gold/marts", "published/c360")
    assert report.warnings == (Finding("bronze/orders", "arrival", "1 file refused"),)
    assert report.job == "a run of chosen tables"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, GONE),  # reported by the server, which survives when a run's process is killed
        ("Run timed out due to taking longer than 300 seconds to start.",) * 2,
    ],
)
def test_a_failed_run_without_an_error_event_is_reported_too(said: str | None, reason: str) -> None:
    with dg.instance_for_test() as instance:
        run = instance.create_run_for_job(dg.GraphDefinition("nightly").to_job())
        instance.report_run_failed(run, said)
        ended = instance.get_run_by_id(run.run_id)
        assert ended
        report = read_report(instance, ended)
    assert report.failures == (Failure(None, reason),)
    again = replace(report, is_tried_again=True)
    assert write_message(again, "").startswith(
        "Customer 360: nightly failed, and is being retried."
    )


def test_a_retry_that_dagster_notes_after_the_failure_is_reported() -> None:
    """A server that restarts finds the dead run, reports it, and then marks it for a retry."""
    place = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("anywhere"), "__repository__")
    run = dg.DagsterRun(
        "nightly",
        status=dg.DagsterRunStatus.STARTED,
        remote_job_origin=RemoteJobOrigin(place, "nightly"),
    )
    with dg.instance_for_test() as instance:
        instance.add_run(run)
        instance.report_run_failed(run)
        ended = instance.get_run_by_id(run.run_id)
        assert ended
        assert not read_report(instance, ended).is_tried_again
        instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true"})
        assert read_report(instance, ended).is_tried_again


def test_a_backfill_is_called_by_its_days() -> None:
    with dg.instance_for_test() as instance:
        run = instance.create_run_for_job(
            dg.GraphDefinition("__ASSET_JOB").to_job(),
            tags={
                "dagster/asset_partition_range_start": "2026-06-01",
                "dagster/asset_partition_range_end": "2026-06-05",
            },
        )
        instance.report_run_failed(run)
        ended = instance.get_run_by_id(run.run_id)
        assert ended
        assert read_report(instance, ended).job == "the backfill of 2026-06-01 to 2026-06-05"


def test_failures_raised_by_this_project_are_quoted_as_they_are() -> None:
    def fail() -> None:
        raise dg.Failure(description="model x: it broke", allow_retries=False)

    assert [failure.reason for failure in run(fail).failures] == ["model x: it broke"]


def test_a_stopped_run_is_reported_as_stopped() -> None:
    def stop() -> None:
        raise dg.DagsterExecutionInterruptedError

    assert [failure.reason for failure in run(stop).failures] == ["it was stopped before its end"]


def test_a_successful_run_reports_its_checks() -> None:
    report = run(lambda: checked(passed=False))
    assert not report.has_failed
    assert report.errors == (Finding("gold/marts", "whole", "3 rows"),)
    assert report.stale == ()
    assert report.is_worth_a_message
    assert run(lambda: checked(passed=True)).errors == ()


def test_findings_of_earlier_runs_are_not_new() -> None:
    found: dict[str, Any] = {"said": "2 rows", "rejected": 2}

    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="till")])
    def till() -> dg.MaterializeResult:
        accounted = dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=found["said"],
            metadata={"rows_rejected": found["rejected"]} if found["rejected"] else {},
        )
        return dg.MaterializeResult(check_results=[accounted])

    with dg.instance_for_test() as instance:

        def is_news(**changed: object) -> bool:
            found.update(changed)
            ended = instance.get_run_by_id(dg.materialize([till], instance=instance).run_id)
            assert ended
            report = read_report(instance, ended)
            assert len(report.warnings) == 1
            return report.is_worth_a_message

        assert is_news()
        assert not is_news()
        assert not is_news(said="2 rows of more"), "as many were rejected as before"
        assert is_news(rejected=3)
        assert is_news(rejected=0), "without a number the words count"
        assert not is_news()
        assert is_news(said="other words")
        instance.report_run_canceled(instance.get_runs(limit=1)[0])
        assert is_news(), "nobody is told of what a run found that was cancelled"
        instance.add_run_tags(instance.get_runs(limit=1)[0].run_id, NOT_DELIVERED_TAG)
        assert is_news(), "the message of the run before did not arrive"
        assert not is_news()


def test_known_warnings_are_only_counted() -> None:
    known = Finding("bronze/rates", "arrival", "no file", is_known=True)
    new = Finding("bronze/sales", "arrival", "1 file was refused")
    report = RunReport("1", "daily_refresh", has_failed=False, warnings=(known, new))
    assert write_message(report, ADDRESS).splitlines()[1] == (
        "1 warning, on bronze/sales. bronze/sales says: 1 file was refused. "
        "Known from earlier runs: 1 more."
    )


def test_only_failures_and_new_findings_are_worth_a_message() -> None:
    good, found = RunReport("1", "everything", has_failed=False), Finding("gold/orders", "key", "")
    known = replace(found, is_known=True)
    assert not good.is_worth_a_message
    assert not replace(good, warnings=(known,)).is_worth_a_message
    assert replace(good, has_failed=True).is_worth_a_message
    assert replace(good, errors=(found,)).is_worth_a_message
    assert replace(good, warnings=(known, found)).is_worth_a_message
