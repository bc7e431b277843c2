"""What the framework can do on that server: a body of so many bytes, by a Flask route."""

import os

from flask import Flask, Response

BODY = b"x" * int(os.environ["BENCH_LENGTH"])
app = Flask(__name__)


@app.get("/", defaults={"path": ""})
@app.get("/<path:path>")
def hello(path: str) -> Response:
    return Response(BODY, content_type="application/json")
