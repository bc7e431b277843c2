"""/v1/webhooks"""

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import marshmallow as ma
import orjson
import uuid_utils.compat
from flask import Response, request

import db
from api import targets
from api.http import (
    PATCH,
    Blueprint,
    allow,
    answer,
    body_tag,
    cursors,
    fingerprint,
    link,
    nothing,
    recall,
    remember,
    request_hash,
    resume,
)
from schemas.fields import UUID_TEXT, stamp
from schemas.problems import Json, Refused, fault, faults
from schemas.webhooks import (
    MOST,
    Delivery,
    DeliveryPage,
    GetWebhookArgs,
    PageArgs,
    Webhook,
    WebhookBody,
    WebhookPage,
    WebhookPatch,
)

blp = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks", description="Endpoints that are told of changes.")
sql = db.load("webhooks")
OVERLAP = timedelta(hours=24)
BODY = WebhookBody()
KEY: Json = {"security": [{"bearer": []}]}
SHOWN = (
    "id", "url", "types", "description", "enabled", "disabled_reason", "failed_attempts", "failing_since",
    "next_attempt_at", "previous_secret_until", "created_at", "updated_at",
)  # fmt: skip
SENT = ("id", "event", "message", "attempt", "sent_at", "ended_at", "accepted", "status", "error", "response")


@blp.route("")
@blp.doc(**KEY)
@blp.arguments(PageArgs(), location="query")
@blp.response(200, WebhookPage)
def list_webhooks(args: Json) -> Response:
    """List the webhooks

    Oldest first. Like all that concerns webhooks, it needs a key with the scope `admin`.
    """
    allow("admin")
    args = resume("webhooks", args)
    return page("webhooks", args, db.rows(sql.list, args), shown)


@blp.route("", methods=["POST"])
@blp.arguments(BODY, location="json")
@blp.response(201, Webhook)
def create_webhook(data: Any) -> Response:
    """Create a webhook

    From now on (or from `cursor` on) each change is sent to `url` by POST, signed as
    [Standard Webhooks](https://www.standardwebhooks.com) are: in the order of the feed, the next only when the one
    before was answered with 2xx, and so at least once. The answer shows the `secret` to verify them with; no other
    answer does. An address that is not public, or that is not `https`, is refused (422).
    """
    allow("admin")
    wanted = load(data)
    check(wanted["url"])

    def create(conn: db.Connection) -> Response:
        id, secret = uuid_utils.compat.uuid7(), new_secret()
        row = wanted | {"id": id, "secret": secret, "position": position(wanted), "now": datetime.now(UTC)}
        if not conn.execute(sql.create, row | {"most": MOST}).rowcount:
            raise Refused(409, "conflict", f"There are {MOST} webhooks already. Delete one that is not needed.")
        return one(conn, id, 201, secret=secret)

    return once(create)


@blp.route("/<id>")
@blp.doc(**KEY)
@blp.arguments(GetWebhookArgs(), location="query")
@blp.response(200, Webhook)
def get_webhook(args: Json, id: str) -> Response:
    """Get a webhook

    With how far it was told, and since when it fails, if it does.
    """
    allow("admin")
    return answer(orjson.dumps(shown(db.read(lambda conn: find(conn, id)))))


@blp.route("/<id>", methods=["PATCH"])
@blp.arguments(WebhookPatch(), location="json", content_type=PATCH)
@blp.response(200, Webhook)
def patch_webhook(data: Any, id: str) -> Response:
    """Change a webhook

    By JSON merge patch (RFC 7396). Failures so far are forgotten, and what waits is sent at once: also what waits since
    it was disabled. `cursor` goes back to send again, or forward to leave out.
    """
    allow("admin")
    with db.transaction() as conn:
        row = find(conn, id, sql.lock)
        kept = {name: row[name] for name in ("url", "types", "description", "enabled")}
        wanted = load(kept | data if isinstance(data, dict) else data)
        if wanted["url"] != row["url"]:
            check(wanted["url"])
        conn.execute(sql.change, wanted | {"id": id, "position": position(wanted), "now": datetime.now(UTC)})
        return one(conn, id)


@blp.route("/<id>", methods=["DELETE"])
@blp.arguments(GetWebhookArgs(), location="query")
@blp.response(204)
def delete_webhook(args: Json, id: str) -> Response:
    """Delete a webhook

    With its deliveries. One that is under way may still arrive.
    """
    allow("admin")
    with db.transaction() as conn:
        find(conn, id)
        conn.execute(sql.delete, {"id": id})
    return nothing()


@blp.route("/<id>/test", methods=["POST"])
@blp.response(200, Delivery)
def test_webhook(id: str) -> Response:
    """Send a test event

    Now, signed, by the same way as all others, whether the webhook is enabled or not: an event `webhook.test` whose
    `data` is `{"webhook": id}`. Answers with what the endpoint answered, within 15 seconds.
    """
    from api import deliveries  # here, so that servers without webhooks do without an HTTP client

    allow("admin")
    webhook = db.read(lambda conn: find(conn, id))
    return once(lambda conn: answer(orjson.dumps(delivery(deliveries.send_test(conn, webhook)))))


@blp.route("/<id>/rotate", methods=["POST"])
@blp.response(200, Webhook)
def rotate_webhook_secret(id: str) -> Response:
    """Give a webhook a new secret

    For 24 hours deliveries carry two signatures, of the new secret and of the one before, so that receivers can be
    changed in peace. One rotated out earlier ends at once. The answer shows the new `secret`; no other answer does.
    """
    allow("admin")

    def rotate(conn: db.Connection) -> Response:
        find(conn, id, sql.lock)
        secret, now = new_secret(), datetime.now(UTC)
        conn.execute(sql.rotate, {"id": id, "secret": secret, "until": now + OVERLAP, "now": now})
        return one(conn, id, secret=secret)

    return once(rotate)


@blp.route("/<id>/deliveries")
@blp.doc(**KEY)
@blp.arguments(PageArgs(), location="query")
@blp.response(200, DeliveryPage)
def list_webhook_deliveries(args: Json, id: str) -> Response:
    """List the deliveries of a webhook

    Every attempt and what was answered, newest first; the last 1,000 are kept.
    """
    allow("admin")
    args = resume("deliveries", args | {"webhook": db.read(lambda conn: find(conn, id))["id"]})
    return page("deliveries", args, db.rows(sql.deliveries, args), delivery)


# --- what is asked -------------------------------------------------------------------------------------------------


def load(data: Any) -> Json:
    try:
        wanted: Json = BODY.load(data)
    except ma.ValidationError as error:
        errors = list(faults(error.messages))
        raise Refused(422, "validation_failed", f"{len(errors)} fault(s) in the body.", errors) from None
    return wanted | {"types": sorted(set(wanted["types"] or []))}


def check(url: str) -> None:
    try:
        targets.check(url)
    except targets.Forbidden as error:
        raise Refused(422, "validation_failed", str(error), [fault("/url", "invalid", str(error))]) from None


def position(wanted: Json) -> int | None:
    return int(wanted["cursor"], 16) if wanted["cursor"] else None


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def once(work: Callable[[db.Connection], Response]) -> Response:
    """A POST that repeats its first answer to the same ``Idempotency-Key``."""
    key = request.headers.get("Idempotency-Key")
    with db.transaction() as conn:
        if key is not None and (stored := recall(conn, key, request_hash())):
            return stored
        response = work(conn)
        if key is not None:
            remember(conn, key, request_hash(), response)
    return response


# --- what is answered ----------------------------------------------------------------------------------------------


def find(conn: db.Connection, id: str | UUID, lock: str | None = None) -> Json:
    """A webhook; with ``lock``, so that nobody else changes it meanwhile."""
    if UUID_TEXT.match(str(id)):
        if lock:
            conn.execute(lock, {"id": id})
        if row := conn.execute(sql.one, {"id": id}).fetchone():
            return row
    raise Refused(404, "not_found", "No such webhook.")


def one(conn: db.Connection, id: str | UUID, status: int = 200, **secret: str) -> Response:
    """A webhook as it stands; with its secret nobody between may keep it."""
    headers = {"Cache-Control": "no-store"} if secret else {}
    if status == 201:
        headers["Location"] = f"/v1/webhooks/{id}"
    return answer(orjson.dumps(shown(find(conn, id)) | secret), status, headers=headers)


def shown(row: Json) -> Json:
    return moments({name: row[name] for name in SHOWN}) | {"cursor": f"{row['position']:x}"}


def delivery(row: Json) -> Json:
    told = {"cursor": None if row["position"] is None else f"{row['position']:x}"}
    return moments({name: row[name] for name in SENT}) | told


def moments(row: Json) -> Json:
    return {name: stamp(value) if isinstance(value, datetime) else value for name, value in row.items()}


def page(type: str, args: Json, rows: list[Any], show: Callable[[Json], Json]) -> Response:
    """A page of rows of which one too many was read, to know whether there are more."""
    these, cursor, path = rows[: args["limit"]], None, None
    if len(rows) > len(these):
        cursor = cursors().sign([0, None, str(these[-1]["id"]), fingerprint(type, args)])
        path = f"{request.path}?{urlencode(request.args.to_dict() | {'cursor': cursor})}"
    whole = orjson.dumps({"items": [show(row) for row in these], "next": path, "next_cursor": cursor})
    return answer(whole, etag=body_tag(whole), headers=link(path))
