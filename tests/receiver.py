"""An endpoint that webhooks may be sent to: on 127.0.0.1, over real HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Receiver(ThreadingHTTPServer):
    """An endpoint: keeps what it is sent, and answers as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}/parley?token=hush"
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[Any] = []  # of the next requests; afterwards 204

    def told(self) -> list[tuple[str, str]]:
        """Which events, of which records."""
        bodies = [json.loads(body) for _, _, body in self.received]
        return [(body["type"], body["data"].get("id")) for body in bodies]


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed while it wrote
            self.close_connection = True
            return
        self.server.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        answer = self.server.answers.pop(0) if self.server.answers else 204
        if callable(answer):
            answer(self)
        else:
            self.answer(answer)

    do_GET = do_POST

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
