"""Writes and sends an alert: the one message about a run that failed or found something.

It is sent as the JSON that Slack and similar services accept; automation.py says when.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence

from c360_dagster.layers import LAYERS
from c360_dagster.messages.posting import PostError, post
from c360_dagster.messages.reports import Finding, RunReport

TIMEOUT_SECONDS = 25
"""For all tries of a message: a sensor sends up to two messages each time, within a minute."""
PAUSES_SECONDS = (1.0, 2.0)
MOST_NAMED = 5
LONGEST_REASON = 600
MENTION_OR_LINK = re.compile(r"@(?=(?:all|channel|everyone|here)\b)|\](?=\()", re.IGNORECASE)
"""What would alert everybody, or become a link or a picture, in services other than Slack."""
UNSEEN_SPACE = "\N{ZERO WIDTH SPACE}"


class AlertError(Exception):
    """Raised if the message did not arrive; the sensor's log has its text."""


def write_message(report: RunReport, address: str) -> str:
    """Writes the text: what failed, why, which tables are old because of it, and where to look."""
    lines = [_write_title(report)]
    lines += [
        f"Why{f', in {failure.step}' if failure.step else ''}: {_shorten(failure.reason)}"
        for failure in report.failures[:MOST_NAMED]
    ]
    lines += [
        f"Check {found.check} on {found.table}: {_shorten(found.description or 'it did not pass')}"
        for found in report.errors[:MOST_NAMED]
    ]
    if len(report.errors) > MOST_NAMED:
        lines.append(f"… and {len(report.errors) - MOST_NAMED} more checks.")
    if report.new_warnings:
        lines.append(
            _write_warnings(report.new_warnings, len(report.warnings) - len(report.new_warnings))
        )
    if report.stale:
        lines.append(f"Not rebuilt because of it: {_list_by_layer(report.stale)}.")
    lines.append(f"{address}/runs/{report.run_id}")
    return "\n".join(lines)


def _write_title(report: RunReport) -> str:
    if report.has_failed:
        stays = " What was published before stays as it was."
        is_old = "published/c360" in report.stale
        again = ", and is being retried" if report.is_tried_again else ""
        return f"Customer 360: {report.job} failed{again}.{stays if is_old else ''}"
    if report.errors:
        return f"Customer 360: {report.job} succeeded, but checks failed."
    return f"Customer 360: {report.job} succeeded, with warnings."


def _write_warnings(new_warnings: Sequence[Finding], known: int) -> str:
    tables = sorted({found.table for found in new_warnings})
    plural = "s" if len(new_warnings) > 1 else ""
    first = next((found for found in new_warnings if found.description), None)
    quote = f" {first.table} says: {_end(_shorten(first.description))}" if first else ""
    others = f" Known from earlier runs: {known} more." if known else ""
    return f"{len(new_warnings)} warning{plural}, on {_name_some(tables)}.{quote}{others}"


def _shorten(text: str) -> str:
    text = text.strip()
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _end(sentence: str) -> str:
    return sentence if sentence.endswith((".", "…")) else f"{sentence}."


def _name_some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _list_by_layer(tables: Sequence[str]) -> str:
    """Lists the tables layer by layer, the last layer first, because people open its tables."""
    by_layer = defaultdict(list)
    for table in sorted(tables):
        by_layer[table.split("/")[0]].append(table)
    order = [layer.name for layer in reversed(LAYERS)]
    return "; ".join(_name_some(by_layer[name]) for name in order if name in by_layer)


def send(
    url: str,
    text: str,
    pauses: Sequence[float] = PAUSES_SECONDS,
    timeout: float = TIMEOUT_SECONDS,
) -> None:
    """Posts the text; tries again if that may help and nobody can receive it twice."""
    # These three characters are markup to Slack.
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = MENTION_OR_LINK.sub(f"\\g<0>{UNSEEN_SPACE}", escaped)
    body = json.dumps({"text": escaped}).encode()
    try:
        post(url, body, pauses=pauses, timeout=timeout)
    except PostError as problem:
        # The address must not be shown: whoever has it can write there.
        raise AlertError(
            f"The webhook of C360_WEBHOOK_URL did not accept the message: {problem}."
        ) from None
