"""What the server itself can do: a body of so many bytes, without any framework."""

import os

BODY = b"x" * int(os.environ["BENCH_LENGTH"])
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def app(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
