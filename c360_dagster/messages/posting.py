"""Posts a message to a webhook: tries again if that may help, and gives up otherwise."""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import IO

IDEMPOTENCY_KEY = "Idempotency-Key"
WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


class PostError(Exception):
    """Raised if a message was not accepted; `code` is the HTTP status, if there was an answer."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


def post(
    url: str,
    body: bytes,
    *,
    pauses: Sequence[float],
    timeout: float,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Posts JSON: once, and once more after each pause.

    With an idempotency key, each try may take `timeout` seconds. Without one, the receiver cannot
    recognise a repeated message. So it gets no second one if it was sent one and did not answer,
    and all tries share the timeout, so that a slow one has most of it.
    """
    is_known_again = IDEMPOTENCY_KEY in (headers or {})
    deadline = time.monotonic() + timeout
    problem = PostError("it was never tried")
    for pause in (*pauses, None):
        left = timeout if is_known_again else deadline - time.monotonic()
        if left <= 0:
            break
        try:
            _post_once(url, body, {"Content-Type": "application/json", **(headers or {})}, left)
        except TimeoutError:  # waiting for the answer; a failure before that is a URLError
            problem = PostError("it was sent, and not answered in time")
            if not is_known_again:
                break
        except urllib.error.HTTPError as answer:
            problem = PostError(f"it answered {answer.code} {answer.reason}", answer.code)
            if answer.code not in WORTH_ANOTHER_TRY:
                break
        except (OSError, http.client.HTTPException) as silence:
            problem = PostError(f"it cannot be reached: {silence}")
        else:
            return
        if pause is not None:
            time.sleep(pause)
    raise problem


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: following one would turn the POST into a GET, which any page answers."""

    def redirect_request(  # noqa: PLR0913, PLR0917  the signature is its parent's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        del req, fp, code, msg, headers, newurl


def _post_once(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    request = urllib.request.Request(  # noqa: S310  the settings let http and https through
        url, body, dict(headers)
    )
    # The body of the answer is not read, because it might never end.
    urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout).close()
