"""Sends changes to webhooks: in the order of the feed, each until it is accepted, signed per Standard Webhooks.

A webhook's position in the log is its queue: no list of what is still to be sent exists. It moves when the endpoint has
accepted the change behind it, so whatever dies on the way, nothing is lost, and what was sent may be sent again.
Events hold ids and types, as the feed does, and nothing of a record: what is erased was never sent.
"""

import ssl
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from random import SystemRandom
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpcore
import orjson
import structlog
import uuid_utils.compat
from prometheus_client import Counter
from standardwebhooks import Webhook
from werkzeug.http import parse_date

import db
from api import targets
from schemas.fields import stamp
from schemas.problems import Json

TIMEOUT = 15  # seconds that an endpoint may take
SILENCE = 60  # seconds after which PostgreSQL gives the turn of a frozen worker to another
TURN = 10  # seconds after which an endpoint lets others go first
FIRST, LONGEST = 5, 3 * 60 * 60  # seconds to wait after the first failure, and at most
PATIENCE = timedelta(days=3)  # of failures, after which a webhook is disabled
EXCERPT = 1000  # bytes of an answer that are read
KEPT = 1000  # deliveries that are told of a webhook
HEADERS = {"Content-Type": "application/json", "User-Agent": f"Parley/{version('parley')}"}

sql, feed, batches = db.load("webhooks"), db.load("changes"), db.load("batches")
sent = Counter("parley_webhook_deliveries", "Events sent to webhooks.", ["outcome"])
log = structlog.get_logger()
chance = SystemRandom()


# --- what is sent --------------------------------------------------------------------------------------------------


def take_turn(id: UUID) -> None:
    """Send one webhook what waits for it, until nothing does, it refuses, or its turn is over."""
    until = monotonic() + TURN
    with closing(Courier()) as courier:
        while deliver(courier, id) and monotonic() < until:
            pass
    with db.transaction() as conn:
        conn.execute(sql.forget, {"id": id, "kept": KEPT})


def deliver(courier: "Courier", id: UUID) -> bool:
    """Send the next change, and keep what came of it. Says whether the one after it may be sent.

    The lock is the transaction's, so that a worker that dies loses it; and it is not the row's, so that nobody who
    changes the webhook waits for its endpoint.
    """
    with db.transaction() as conn:
        conn.execute(batches.be_noticed, {"silence": f"{SILENCE}s"})
        held = conn.execute(sql.hold, {"id": id}).fetchone()
        webhook = conn.execute(sql.turn, {"id": id, "now": datetime.now(UTC)}).fetchone()
        if not (held and held["held"] and webhook):
            return False
        wanted = {"after": webhook["position"], "types": webhook["types"] or None, "limit": 1, "record": False}
        page = conn.execute(feed.page, wanted).fetchone()
        assert page is not None
        if page["items"] is None:  # all there was is of other types
            conn.execute(sql.accepted, webhook | {"told": page["head"], "now": datetime.now(UTC)})
            return False
        change = orjson.loads(page["items"])
        event = {"type": f"{change['type']}.{change['op']}", "timestamp": change["changed_at"], "data": change}
        delivery = courier.send(webhook, f"{id}_{change['cursor']}", event)
        delivery |= {"position": page["last"], "attempt": webhook["failed_attempts"] + 1}
        keep(conn, webhook, delivery)
        if delivery["accepted"]:
            told = {"told": page["last"], "now": delivery["ended_at"]}
            return bool(conn.execute(sql.accepted, webhook | told).rowcount)
        conn.execute(sql.failed, webhook | after_failure(webhook, delivery))
    outcome = {name: delivery[name] for name in ("attempt", "status", "error")}
    log.info("webhook failed", webhook=str(id), **outcome)
    return False


def send_test(conn: db.Connection, webhook: Json) -> Json:
    """Send an event that means nothing, whether the webhook is enabled or not."""
    event = {"type": "webhook.test", "timestamp": stamp(datetime.now(UTC)), "data": {"webhook": str(webhook["id"])}}
    with closing(Courier()) as courier:
        delivery = courier.send(webhook, f"{webhook['id']}_{uuid4()}", event)
    return keep(conn, webhook, delivery | {"position": None, "attempt": 1})


def keep(conn: db.Connection, webhook: Json, delivery: Json) -> Json:
    """Add it to the deliveries, unless the webhook was deleted meanwhile."""
    sent.labels("accepted" if delivery["accepted"] else "refused" if delivery["status"] else "unanswered").inc()
    delivery["id"] = uuid_utils.compat.uuid7()
    conn.execute(sql.log, delivery | {"webhook": webhook["id"]})
    return delivery


def after_failure(webhook: Json, delivery: Json) -> Json:
    """When to try again, if at all."""
    now = delivery["ended_at"]
    wait = min(FIRST * 2 ** min(webhook["failed_attempts"], 20), LONGEST) * chance.uniform(0.5, 1)
    wait = max(wait, delivery["wait"])
    reason = None
    if delivery["status"] == 410:
        reason = "gone"
    elif webhook["failing_since"] and now - webhook["failing_since"] >= PATIENCE:
        reason = "failing"
    return {"now": now, "next_attempt_at": now + timedelta(seconds=wait), "disabled_reason": reason}


# --- how it is sent ------------------------------------------------------------------------------------------------


class Courier:
    """The connection to one endpoint, kept open from one event to the next.

    No proxy, no redirect, no cookie, and no address that was not looked at: httpx has all of these, so this is the
    library below it.
    """

    def __init__(self) -> None:
        self.road = Road()
        self.pool = httpcore.ConnectionPool(tls(), max_connections=1, keepalive_expiry=5, network_backend=self.road)

    def close(self) -> None:
        self.pool.close()

    def send(self, webhook: Json, message: str, event: Json) -> Json:
        """Send one event, signed with the present secret and, for a time after a rotation, the one before."""
        now, body = datetime.now(UTC), orjson.dumps(event)
        secrets = [webhook["secret"]]
        if webhook["previous_secret_until"] and webhook["previous_secret_until"] > now:
            secrets.append(webhook["previous_secret"])
        signed = {
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(secret).sign(message, now, body.decode()) for secret in secrets),
        }
        status, error, response, wait = self.post(webhook["url"], HEADERS | signed, body)
        return {
            "event": event["type"],
            "message": message,
            "sent_at": now,
            "ended_at": datetime.now(UTC),
            "accepted": status is not None and 200 <= status < 300,
            "status": status,
            "error": error,
            "response": response,
            "wait": wait,
        }

    def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str | None, str | None, float]:
        """The status, or why there is none, how the answer began, and how long the endpoint asks to be left alone."""
        self.road.until = monotonic() + TIMEOUT
        try:
            sent = [*headers.items(), ("Host", targets.parse(url)[2])]
            with self.pool.stream("POST", url, headers=sent, content=body) as response:
                said = beginning(response.iter_stream()) or None
                return response.status, None, said, asked_to_wait(response.headers)
        except targets.Forbidden as error:
            text = str(error)
        except httpcore.TimeoutException:
            text = f"No answer within {TIMEOUT} seconds."
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            text = f"The connection failed: {str(error)[:200] or type(error).__name__}"
        except Exception as error:  # a fault of ours must not send the same event again and again without a pause
            log.error("cannot send", exc_info=error)
            text = "Something went wrong on our side."
        return None, text, None, 0


def asked_to_wait(headers: list[tuple[bytes, bytes]]) -> float:
    """Seconds, by Retry-After: a number of them, or the date of a moment (RFC 9110, 10.2.3)."""
    told = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), "")
    moment = parse_date(told)
    wait = (moment - datetime.now(UTC)).total_seconds() if moment else float(told if told.isdecimal() else 0)
    return min(max(wait, 0), LONGEST)


def beginning(parts: Iterable[bytes]) -> str:
    """How an answer begins. The status has been said: what goes wrong from here on changes nothing."""
    found = b""
    with suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        for part in parts:
            found += part
            if len(found) >= EXCERPT:
                break
    return found[:EXCERPT].decode(errors="replace").replace("\x00", "")


@cache
def tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class Road(httpcore.SyncBackend):
    """Connects to an address that was looked at, and not to a name that may lead elsewhere when it is asked again."""

    until = 0.0  # when the time of the event that is being sent is over

    def left(self) -> float:
        left = self.until - monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> "Hurried":
        places = targets.addresses(host.lower(), port)
        for tries, place in zip(range(len(places), 0, -1), places, strict=True):
            try:
                return Hurried(super().connect_tcp(place, port, self.left() / tries), self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tries == 1:
                    raise
        raise targets.Forbidden("The name does not lead to an address.")


class Hurried(httpcore.NetworkStream):
    """A connection whose time is that of the whole delivery: one byte every 14 seconds is no answer."""

    def __init__(self, stream: httpcore.NetworkStream, road: Road) -> None:
        self.stream, self.road = stream, road

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.road.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.road.left())

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> "Hurried":  # fmt: skip
        return Hurried(self.stream.start_tls(ssl_context, server_hostname, self.road.left()), self.road)

    def close(self) -> None:
        self.stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
