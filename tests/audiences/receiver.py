"""A webhook on this machine, as a marketing tool would run it; it keeps what it received."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Receiver(HTTPServer):
    """Answers with the given codes in turn, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.codes: list[int] = []
        self.asked: list[str] = []
        """The key of each request, including those that were refused."""
        self.taken: list[dict[str, Any]] = []
        self.on_request: Callable[[int], None] = lambda _: None
        """Called before an answer, with the number of the request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/SECRET"

    @property
    def members(self) -> list[str]:
        return [row["customer_id"] for batch in self.taken for row in batch["members"]]


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.headers["Idempotency-Key"])
        code = self.server.codes.pop(0) if self.server.codes else 200
        if code == 200:
            self.server.taken.append(json.loads(body))
        self.server.on_request(len(self.server.asked))
        try:
            self.send_response(code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            """The sender has gone."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def receive() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
