"""Webhooks: what is told, to whom, how it is signed, what happens when nobody listens, and where nothing is sent."""

import json
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from api import deliveries, webhooks
from tests.api.test_operations import sample
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient
from tests.receiver import listening

PATCH = "application/merge-patch+json"
PUBLIC = "93.184.215.14"


@pytest.fixture
def receiver():
    with listening() as server:
        yield server


@pytest.fixture
def app(fresh_app):
    fresh_app.config["WEBHOOK_ALLOW"] = "127.0.0.1"
    fresh_app.test_client_class = CheckedClient
    return fresh_app


@pytest.fixture
def admin(app, signed):
    return signed(app, "admin")


@pytest.fixture
def webhook(admin, receiver):
    """A webhook that is told of everything."""
    return make(admin, receiver)


@pytest.fixture(scope="module")
def shared(make_database, migrated, signed):
    """An admin of a server that allows no address that is not public; for tests to which other webhooks are nothing."""
    with make_database("targets", like=migrated) as url, running_app(url) as app:
        yield signed(app, "admin")


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 1000)


def make(admin, receiver, **body) -> dict:
    answer = admin.post("/v1/webhooks", json={"url": receiver.url} | body)
    assert answer.status_code == 201, answer.text
    return answer.json


def write(admin, *names, kind="actors", **data) -> list[str]:
    body = {"kind": "state" if kind == "actors" else "news"} | data
    return [admin.put(f"/v1/{kind}/w:{name}", json={"name" if kind == "actors" else "title": name} | body).json["id"]
            for name in names]  # fmt: skip


def change(admin, webhook, **data) -> Any:
    return admin.patch(f"/v1/webhooks/{webhook['id']}", json=data, content_type=PATCH)


def turn(app, webhook) -> None:
    with app.app_context():
        deliveries.take_turn(webhook["id"])


def execute(app, text) -> None:
    with psycopg.connect(app.config["DATABASE_URL"], autocommit=True) as conn:
        conn.execute(text)


def due(app) -> None:
    """The time to wait is over."""
    execute(app, "UPDATE webhooks SET next_attempt_at = now() - interval '1 minute'")


def state(admin, webhook, *names) -> tuple:
    found = admin.get(f"/v1/webhooks/{webhook['id']}").json
    return tuple(found[name] for name in names)


def log(admin, webhook, *names) -> list[tuple]:
    items = admin.get(f"/v1/webhooks/{webhook['id']}/deliveries").json["items"]
    return [tuple(item[name] for name in names) for item in items]


# --- what is told --------------------------------------------------------------------------------------------------


def test_a_change_is_told_as_the_feed_tells_it_and_signed(app, admin, receiver, webhook):
    write(admin, "north")
    turn(app, webhook)
    [(path, headers, body)] = receiver.received
    event = Webhook(webhook["secret"]).verify(body, headers)
    [item] = admin.get("/v1/changes").json["items"]
    assert event == {"type": "actor.created", "timestamp": item["changed_at"], "data": item}
    assert path == "/parley?token=hush"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == f"127.0.0.1:{receiver.server_port}"
    for forged in (body.replace(b"created", b"deleted"), body + b" "):
        with pytest.raises(WebhookVerificationError):
            Webhook(webhook["secret"]).verify(forged, headers)


def test_all_changes_are_told_in_the_order_of_the_feed(app, admin, receiver, webhook):
    north, south = write(admin, "north", "south")
    write(admin, "north", note="changed")
    admin.post(f"/v1/actors/{north}/merge", json={"into": south})
    admin.delete(f"/v1/actors/{south}", headers={"If-Match": "*"})
    turn(app, webhook)
    feed = admin.get("/v1/changes").json["items"]
    assert [json.loads(body)["data"] for _, _, body in receiver.received] == feed
    assert {("actor.updated", south), ("actor.merged", north)} < {*receiver.told()}
    assert receiver.told()[-1] == ("actor.deleted", south)
    assert len({headers["webhook-id"] for _, headers, _ in receiver.received}) == len(feed)
    turn(app, webhook)
    assert len(receiver.received) == len(feed), "and once"
    assert state(admin, webhook, "cursor") == (feed[-1]["cursor"],)


def test_types_leave_out_the_others_and_are_passed_over(app, admin, receiver):
    webhook = make(admin, receiver, types=["source", "round"])
    write(admin, "north")
    [paper] = write(admin, "paper", kind="sources")
    write(admin, "south")
    turn(app, webhook)
    assert receiver.told() == [("source.created", paper)]
    assert state(admin, webhook, "cursor") == (admin.get("/v1/changes").json["next_cursor"],)


def test_it_begins_where_it_was_told_to(app, admin, receiver):
    write(admin, "before", "later")
    first = admin.get("/v1/changes").json["items"][0]["cursor"]
    hooks = {cursor: make(admin, receiver, **({"cursor": cursor} if cursor else {})) for cursor in (None, "0", first)}
    for cursor, expected in ((None, 0), ("0", 2), (first, 1)):
        receiver.received.clear()
        turn(app, hooks[cursor])
        assert len(receiver.received) == expected
    ahead = make(admin, receiver, cursor="fffffff")
    write(admin, "after")
    turn(app, ahead)
    assert receiver.told()[-1][0] == "actor.created", "a cursor of the future is that of today"


def test_a_disabled_one_is_told_of_nothing_until_it_is_enabled(app, admin, receiver, webhook):
    assert change(admin, webhook, enabled=False).json["enabled"] is False
    [north] = write(admin, "north")
    turn(app, webhook)
    assert receiver.received == []
    assert change(admin, webhook, enabled=True).json["enabled"] is True
    turn(app, webhook)
    assert receiver.told() == [("actor.created", north)]


def test_a_cursor_goes_back_or_leaves_out(app, admin, receiver, webhook):
    write(admin, "north")
    turn(app, webhook)
    change(admin, webhook, cursor="0")
    turn(app, webhook)
    ids = [headers["webhook-id"] for _, headers, _ in receiver.received]
    assert len(ids) == 2 and ids[0] == ids[1], "the same event"
    write(admin, "south")
    change(admin, webhook, cursor=admin.get("/v1/changes").json["next_cursor"])
    turn(app, webhook)
    assert len(receiver.received) == 2


def test_a_test_is_sent_now_and_moves_nothing(app, admin, receiver, webhook):
    write(admin, "north")
    change(admin, webhook, enabled=False)
    before = state(admin, webhook, "cursor", "failed_attempts", "updated_at")
    receiver.answers = [lambda request: request.answer(418, b"teapot")]
    told = admin.post(f"/v1/webhooks/{webhook['id']}/test").json
    assert (told["status"], told["accepted"], told["response"], told["error"]) == (418, False, "teapot", None)
    [(_, headers, body)] = receiver.received
    event = Webhook(webhook["secret"]).verify(body, headers)
    assert (event["type"], event["data"]) == ("webhook.test", {"webhook": webhook["id"]})
    assert told["message"] == headers["webhook-id"]
    assert state(admin, webhook, "cursor", "failed_attempts", "updated_at") == before
    assert log(admin, webhook, "event", "status", "cursor") == [("webhook.test", 418, None)]


# --- when nobody listens -------------------------------------------------------------------------------------------


def test_what_is_refused_is_sent_again_before_anything_else(app, admin, receiver, webhook):
    north, south = write(admin, "north", "south")
    receiver.answers = [500, 404]
    waits = []
    for failures in (1, 2):
        turn(app, webhook)
        count, since, then = state(admin, webhook, "failed_attempts", "failing_since", "next_attempt_at")
        waits.append(datetime.fromisoformat(then) - datetime.now(UTC))
        assert (count, since is not None) == (failures, True)
        turn(app, webhook)
        assert len(receiver.received) == failures, "not before its time"
        due(app)
    assert 1 < waits[0].total_seconds() <= 5 <= waits[1].total_seconds() + 1 <= 11
    turn(app, webhook)
    created = "actor.created"
    assert receiver.told() == [(created, north), (created, north), (created, north), (created, south)]
    ids = [headers["webhook-id"] for _, headers, _ in receiver.received]
    assert (len({*ids[:3]}), len({*ids})) == (1, 2)
    assert state(admin, webhook, "failed_attempts", "failing_since") == (0, None)
    assert log(admin, webhook, "attempt", "status", "accepted") == [
        (1, 204, True), (3, 204, True), (2, 404, False), (1, 500, False)]  # fmt: skip


def test_deliveries_are_counted(app, admin, receiver, webhook):
    def counted() -> list[float]:
        text = admin.get("/metrics").text
        outcomes = ("accepted", "refused", "unanswered")
        return [sample(text, "parley_webhook_deliveries_total", outcome=outcome) for outcome in outcomes]

    before = counted()
    write(admin, "north", "south")
    receiver.answers = [500, lambda request: request.connection.shutdown(socket.SHUT_RDWR)]
    for _ in range(3):
        due(app)
        turn(app, webhook)
    assert [after - then for after, then in zip(counted(), before, strict=True)] == [2, 1, 1]


def test_the_waiting_grows_up_to_some_hours(app):
    outcome = {"ended_at": datetime.now(UTC), "status": 500, "wait": 0}
    waits = []
    for failures in (0, 3, 8, 30, 1000):
        after = deliveries.after_failure({"failed_attempts": failures, "failing_since": None}, outcome)
        waits.append((after["next_attempt_at"] - outcome["ended_at"]).total_seconds())
    longest = [5, 40, 1280, 10800, 10800]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("100", 100, 100),
        ("9" * 400, 10_800, 10_800),
        (timedelta(hours=1), 3_000, 3_600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 5),
        ("-7", 0, 5),
        ("soon", 0, 5),
    ],
)
def test_an_endpoint_says_when_it_wants_to_be_asked_again(app, admin, receiver, webhook, told, least, most):
    if isinstance(told, timedelta):  # only now: a name with the time in it is another one in each worker of the suite
        told = format_datetime(datetime.now(UTC) + told, usegmt=True)
    write(admin, "north")
    receiver.answers = [lambda request: request.answer(429, **{"Retry-After": told})]
    turn(app, webhook)
    then = datetime.fromisoformat(*state(admin, webhook, "next_attempt_at"))
    assert least - 2 < (then - datetime.now(UTC)).total_seconds() <= most


def dripping(request) -> None:
    """Sends a byte of a header now and then."""
    request.close_connection = True
    with suppress(OSError):
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
            request.wfile.write(bytes([letter]))
            time.sleep(0.05)


def test_who_does_not_answer_in_time_is_asked_again(app, admin, receiver, webhook, monkeypatch):
    monkeypatch.setattr(deliveries, "TIMEOUT", 0.5)
    held = Event()
    receiver.answers = [lambda request: held.wait(20), dripping]
    write(admin, "north")
    for _ in range(2):
        turn(app, webhook)
        due(app)
    held.set()
    assert log(admin, webhook, "status", "error") == [(None, "No answer within 0.5 seconds.")] * 2
    turn(app, webhook)
    assert log(admin, webhook, "status")[0] == (204,)


def test_a_long_answer_is_read_to_its_beginning_only(app, admin, receiver, webhook):
    receiver.answers = [lambda request: request.answer(200, b"\x00\xff" + b"x" * 10_000_000)]
    write(admin, "north")
    turn(app, webhook)
    [(accepted, response)] = log(admin, webhook, "accepted", "response")
    assert accepted and response == "�" + "x" * 998


def test_nobody_there(app, admin, webhook, receiver):
    receiver.shutdown()
    receiver.server_close()
    write(admin, "north")
    turn(app, webhook)
    [(status, error, response)] = log(admin, webhook, "status", "error", "response")
    assert (status, response) == (None, None) and error.startswith("The connection failed")


def test_an_address_that_is_dead_is_passed_over(app, admin, receiver, names):
    app.config["WEBHOOK_ALLOW"] = "two.test"
    names["two.test"] = ["127.0.0.2", "127.0.0.1"]
    webhook = admin.post("/v1/webhooks", json={"url": f"http://two.test:{receiver.server_port}/"}).json
    assert admin.post(f"/v1/webhooks/{webhook['id']}/test").json["accepted"]


def test_redirects_are_not_followed(app, admin, receiver, webhook):
    with listening() as other:
        receiver.answers = [lambda request: request.answer(307, Location=other.url)]
        write(admin, "north")
        turn(app, webhook)
        assert other.received == []
    assert log(admin, webhook, "status", "accepted") == [(307, False)]


def test_who_is_gone_is_asked_no_more(app, admin, receiver, webhook):
    north, south = write(admin, "north", "south")
    receiver.answers = [410]
    turn(app, webhook)
    assert state(admin, webhook, "enabled", "disabled_reason") == (False, "gone")
    due(app)
    turn(app, webhook)
    assert len(receiver.received) == 1
    assert change(admin, webhook, description="moved").json["disabled_reason"] == "gone"
    assert change(admin, webhook, enabled=True).json["disabled_reason"] is None
    turn(app, webhook)
    assert receiver.told() == [("actor.created", id) for id in (north, north, south)]


@pytest.mark.parametrize(("failing", "enabled"), [("71 hours 59 minutes", True), ("72 hours", False)])
def test_three_days_of_failure_disable(app, admin, receiver, webhook, failing, enabled):
    write(admin, "north")
    receiver.answers = [500, 500]
    turn(app, webhook)
    due(app)
    execute(app, f"UPDATE webhooks SET failing_since = now() - interval '{failing}'")
    turn(app, webhook)
    reason = None if enabled else "failing"
    assert state(admin, webhook, "enabled", "disabled_reason") == (enabled, reason)
    found = change(admin, webhook, enabled=True).json
    assert (found["failed_attempts"], found["failing_since"], found["disabled_reason"]) == (0, None, None)


def test_nobody_who_changes_it_waits_for_its_endpoint_and_two_never_send_at_once(app, admin, receiver, webhook):
    write(admin, "north", "south")
    reached, held = Event(), Event()
    receiver.answers = [lambda request: (reached.set(), held.wait(20), request.answer(500))]
    first = Thread(target=turn, args=[app, webhook])
    first.start()
    assert reached.wait(20)
    turn(app, webhook)
    assert len(receiver.received) == 1, "another worker finds it taken"
    execute(app, "SET lock_timeout = '1s'; UPDATE webhooks SET updated_at = updated_at")  # nothing holds the row
    change(admin, webhook, description="mine")
    held.set()
    first.join()
    assert state(admin, webhook, "description", "failed_attempts", "enabled") == ("mine", 0, True)
    turn(app, webhook)
    assert len(receiver.received) == 3


def test_it_may_be_deleted_while_it_is_told(app, admin, receiver, webhook):
    write(admin, "north")
    reached, held = Event(), Event()
    receiver.answers = [lambda request: (reached.set(), held.wait(20), request.answer(204))]
    first = Thread(target=turn, args=[app, webhook])
    first.start()
    assert reached.wait(20)
    assert admin.delete(f"/v1/webhooks/{webhook['id']}").status_code == 204
    held.set()
    first.join()
    assert admin.get(f"/v1/webhooks/{webhook['id']}").status_code == 404
    assert admin.get(f"/v1/webhooks/{webhook['id']}/deliveries").status_code == 404


# --- secrets -------------------------------------------------------------------------------------------------------


def test_after_a_rotation_both_secrets_verify_for_a_day(app, admin, receiver, webhook):
    rotated = admin.post(f"/v1/webhooks/{webhook['id']}/rotate")
    assert rotated.headers["Cache-Control"] == "no-store"
    new = rotated.json["secret"]
    until = datetime.fromisoformat(rotated.json["previous_secret_until"])
    assert 23.9 < (until - datetime.now(UTC)).total_seconds() / 3600 <= 24
    assert new.startswith("whsec_") and new != webhook["secret"]
    write(admin, "north")
    turn(app, webhook)
    _, headers, body = receiver.received[0]
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (new, webhook["secret"]):
        assert Webhook(secret).verify(body, headers)["type"] == "actor.created"
    execute(app, "UPDATE webhooks SET previous_secret_until = now()")
    write(admin, "south")
    turn(app, webhook)
    _, headers, body = receiver.received[1]
    assert Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook["secret"]).verify(body, headers)


def test_a_secret_is_shown_once_and_never_logged(app, admin, receiver, webhook, logged):
    write(admin, "north")
    receiver.answers = [500]
    turn(app, webhook)
    new = admin.post(f"/v1/webhooks/{webhook['id']}/rotate").json["secret"]
    seen = change(admin, webhook, description="x").text
    seen += admin.post(f"/v1/webhooks/{webhook['id']}/test").text
    for path in ("", f"/{webhook['id']}", f"/{webhook['id']}/deliveries"):
        seen += admin.get(f"/v1/webhooks{path}").text
    seen += "".join(logged())
    assert webhook["id"] in seen and "webhook failed" in seen
    for secret in (webhook["secret"], new):
        assert secret not in seen


# --- who may do what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [None, "read", "write"])
def test_only_admins(shared, signed, scope):
    app, webhook = shared.application, shared.post("/v1/webhooks", json={"url": f"https://{PUBLIC}/"}).json
    client = signed(app, scope) if scope else app.test_client()
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/{}"), ("PATCH", "/{}"), ("DELETE", "/{}"),
                         ("POST", "/{}/test"), ("POST", "/{}/rotate"), ("GET", "/{}/deliveries")):  # fmt: skip
        kind = PATCH if method == "PATCH" else "application/json"
        body = {"data": "{}", "content_type": kind} if method in ("POST", "PATCH") and "/{}/" not in path else {}
        answer = client.open("/v1/webhooks" + path.format(webhook["id"]), method=method, **body)
        assert answer.status_code == (403 if scope else 401), (method, path)
    assert shared.get(f"/v1/webhooks/{webhook['id']}").json == {k: v for k, v in webhook.items() if k != "secret"}


@pytest.mark.parametrize(("body", "pointer"), [
    ({}, "/url"), ({"url": None}, "/url"), ({"url": 7}, "/url"), ({"types": ["planet"]}, "/types/0"),
    ({"types": "round"}, "/types"), ({"enabled": "yes"}, "/enabled"), ({"cursor": "xyz"}, "/cursor"),
    ({"secret": "whsec_mine"}, "/secret"), ({"description": "\x00"}, "/description")])  # fmt: skip
def test_senseless_bodies(shared, body, pointer):
    sound = {"url": f"https://{PUBLIC}/"}
    webhook = shared.post("/v1/webhooks", json=sound).json
    answers = [shared.post("/v1/webhooks", json=body if pointer == "/url" else sound | body)]
    if body:
        answers.append(change(shared, webhook, **body))
    for answer in answers:
        assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer])


def test_there_is_a_limit(admin, receiver, webhook, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 2)
    make(admin, receiver)
    answer = admin.post("/v1/webhooks", json={"url": receiver.url})
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    admin.delete(f"/v1/webhooks/{webhook['id']}")
    make(admin, receiver)


def test_lists_have_pages(app, admin, receiver, webhook):
    second = make(admin, receiver)
    page = admin.get("/v1/webhooks?limit=1").json
    assert "items" in page, page
    assert [item["id"] for item in page["items"]] == [webhook["id"]]
    last = admin.get(page["next"]).json
    assert ([item["id"] for item in last["items"]], last["next"]) == ([second["id"]], None)
    write(admin, "a", "b", "c")
    turn(app, webhook)
    page = admin.get(f"/v1/webhooks/{webhook['id']}/deliveries?limit=2").json
    last = admin.get(page["next"]).json
    cursors = [item["cursor"] for item in (*page["items"], *last["items"])]
    assert cursors == [item["cursor"] for item in reversed(admin.get("/v1/changes").json["items"])]
    stolen = page["next_cursor"]
    assert admin.get(f"/v1/webhooks/{second['id']}/deliveries?limit=2&cursor={stolen}").status_code == 400


def test_old_deliveries_are_forgotten(app, admin, webhook, monkeypatch):
    monkeypatch.setattr(deliveries, "KEPT", 2)
    write(admin, "a", "b", "c")
    turn(app, webhook)
    newest = [item["cursor"] for item in admin.get("/v1/changes").json["items"]][:0:-1]
    assert [cursor for (cursor,) in log(admin, webhook, "cursor")] == newest


def test_a_post_can_be_sent_again(admin, receiver):
    first, again = (
        admin.post("/v1/webhooks", json={"url": receiver.url}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert (again.status_code, again.data, len(admin.get("/v1/webhooks").json["items"])) == (201, first.data, 1)
    path = f"/v1/webhooks/{first.json['id']}"
    for action in ("rotate", "test"):
        first, again = (admin.post(f"{path}/{action}", headers={"Idempotency-Key": action}) for _ in range(2))
        assert again.data == first.data
    assert len(receiver.received) == 1


@pytest.mark.parametrize("id", ["nothing", "01a204aa-b62e-73d4-a2a5-900ece64d99c"])
def test_unknown_ones(shared, id):
    for answer in (shared.get(f"/v1/webhooks/{id}"), change(shared, {"id": id}, enabled=True),
                   shared.delete(f"/v1/webhooks/{id}"), shared.post(f"/v1/webhooks/{id}/test"),
                   shared.post(f"/v1/webhooks/{id}/rotate"), shared.get(f"/v1/webhooks/{id}/deliveries")):  # fmt: skip
        assert answer.status_code == 404


# --- where nothing is sent -----------------------------------------------------------------------------------------

REAL = socket.getaddrinfo


@pytest.fixture
def names(monkeypatch):
    """The names of the world, and how often each was asked for. Addresses are themselves."""
    known: dict[str, list[str]] = {}
    asked: list[str] = []

    def look_up(host, port, *args, **kwargs):
        if host not in known:
            return REAL(host, port, *args, **kwargs)
        asked.append(host)
        families = [socket.AF_INET6 if ":" in place else socket.AF_INET for place in known[host]]
        return [(family, socket.SOCK_STREAM, 6, "", (place, port))
                for family, place in zip(families, known[host], strict=True)]  # fmt: skip

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    known["asked"] = asked
    return known


HOSTILE = [
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/",
    "https://0/", "https://0.0.0.0/", "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1:8443/",
    "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://192.0.0.8/", "https://198.18.0.1/",
    "https://203.0.113.5/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/",
    "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://[fec0::1]/",
    "https://[ff02::1]/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::10.0.0.1]/",
    "https://[64:ff9b::10.0.0.1]/", "https://[64:ff9b:1::8.8.8.8]/", "https://[2002:0a00:0001::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "https://[2001:db8::1]/",
    "https://localhost/", "https://localhost./", "https://private.test/", "https://mixed.test/", "https://six.test/",
    "https://nobody.invalid/",
    "http://public.test/", "http://93.184.215.14/", "ftp://public.test/", "file:///etc/passwd", "gopher://public.test/",
    "//public.test/", "https:/public.test", "https://", "https:///x", "public.test",
    "https://user@public.test/", "https://user:pass@public.test/", "https://public.test@127.0.0.1/",
    "https://127.0.0.1#@public.test/", "https://127.0.0.1\\@public.test/", "https://public.test/#x",
    "https://public.test:0/", "https://public.test:99999/", "https://public.test:port/", "https://pub lic.test/",
    "https://public.test/\r\nX: y", "https://bücher.test/", "https://①②⑦.0.0.1/", "https://[fe80::1%25eth0]/",
    "https://[::1", "https://public.test%2f@127.0.0.1/", "HTTPS://127.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_are_refused(shared, names, url):
    names |= {"private.test": ["10.1.2.3"], "mixed.test": [PUBLIC, "127.0.0.1"], "six.test": [PUBLIC, "fd00::1"],
              "public.test": [PUBLIC]}  # fmt: skip
    answer = shared.post("/v1/webhooks", json={"url": url})
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/url"])
    assert not any(place in answer.text for place in ("10.1.2.3", "fd00::1")), "nobody learns what our names mean"


@pytest.mark.parametrize("url", [
    "https://public.test", "https://public.test/", "https://PUBLIC.test:8443/a/b;c?d=e%20f&g=[1]".replace("[1]", "1"),
    f"https://{PUBLIC}/", "https://six.test/?x", "https://nat64.test/", f"https://[::ffff:{PUBLIC}]/"])  # fmt: skip
def test_public_addresses_are_taken(shared, names, url):
    names |= {"public.test": [PUBLIC], "PUBLIC.test": [PUBLIC], "six.test": ["2606:4700::1111"],
              "nat64.test": [f"64:ff9b::{PUBLIC}"]}  # fmt: skip
    answer = shared.post("/v1/webhooks", json={"url": url})
    assert (answer.status_code, answer.json.get("url")) == (201, url)


@pytest.mark.parametrize(("allow", "url", "taken"), [
    ("hooks.internal", "http://hooks.internal/", True), ("hooks.internal", "https://HOOKS.internal:1/", True),
    ("hooks.internal", "https://other.internal/", False), ("hooks.internal", "http://127.0.0.1/", False),
    ("10.0.0.0/8, ::1", "http://10.9.8.7/", True), ("10.0.0.0/8, ::1", "http://[::1]/", True),
    ("10.0.0.0/8, ::1", "https://inside.test/", True), ("10.0.0.0/8, ::1", "http://inside.test/", False),
    ("10.0.0.0/8, ::1", "https://192.168.0.1/", False), ("10.0.0.0/8, ::1", "https://partly.test/", False),
])  # fmt: skip
def test_what_the_operator_allows(shared, names, monkeypatch, allow, url, taken):
    names |= {"inside.test": ["10.0.0.1"], "partly.test": ["10.0.0.1", "192.168.0.1"], "other.internal": ["10.0.0.1"]}
    monkeypatch.setitem(shared.application.config, "WEBHOOK_ALLOW", allow)
    assert shared.post("/v1/webhooks", json={"url": url}).status_code == (201 if taken else 422)


def test_a_name_that_moves_inside_later_is_not_followed(app, admin, receiver, names):
    app.config["WEBHOOK_ALLOW"] = None
    names["moving.test"] = [PUBLIC]
    webhook = admin.post("/v1/webhooks", json={"url": f"https://moving.test:{receiver.server_port}/"}).json
    write(admin, "north")
    names["moving.test"] = ["127.0.0.1"]
    turn(app, webhook)
    assert log(admin, webhook, "status", "error") == [(None, "It leads to an address that is not public.")]
    told = admin.post(f"/v1/webhooks/{webhook['id']}/test").json
    assert (told["accepted"], told["error"]) == (False, "It leads to an address that is not public.")
    assert receiver.received == []


def test_a_name_is_asked_for_once_and_what_was_looked_at_is_connected_to(app, admin, receiver, names, monkeypatch):
    """The answer changes after every question: who asked twice would look at one address and connect to another."""
    app.config["WEBHOOK_ALLOW"] = None
    connected: list[Any] = []
    names["moving.test"] = [PUBLIC]
    webhook = admin.post("/v1/webhooks", json={"url": f"https://moving.test:{receiver.server_port}/"}).json
    write(admin, "north")
    look_up, asked = socket.getaddrinfo, names["asked"]
    asked.clear()

    def look_up_and_move(host, *args, **kwargs):
        found = look_up(host, *args, **kwargs)
        names["moving.test"] = ["127.0.0.1"]
        return found

    def connect(address, *args, **kwargs):
        connected.append(address)
        raise OSError("no way out of here")

    monkeypatch.setattr(socket, "getaddrinfo", look_up_and_move)
    monkeypatch.setattr(socket, "create_connection", connect)
    with app.app_context():
        deliveries.take_turn(webhook["id"])
    monkeypatch.undo()
    assert asked == ["moving.test"]
    assert connected == [(PUBLIC, receiver.server_port)]
    assert receiver.received == []


@pytest.mark.skipif(not shutil.which("openssl"), reason="nothing here to make a certificate with")
def test_the_certificate_must_be_that_of_the_name(app, admin, receiver, names, monkeypatch, tmp_path):
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=hooks.test"
    command += " -addext subjectAltName=DNS:hooks.test"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    asked_for: list[str] = []
    server.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    receiver.socket = server.wrap_socket(receiver.socket, server_side=True)
    names |= {"hooks.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
    answers = {}
    for trusts, host in ((False, "hooks.test"), (True, "other.test"), (True, "hooks.test")):
        if trusts:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
        deliveries.tls.cache_clear()
        url = f"https://{host}:{receiver.server_port}/"
        webhook = admin.post("/v1/webhooks", json={"url": url}).json
        answers[trusts, host] = admin.post(f"/v1/webhooks/{webhook['id']}/test").json
    deliveries.tls.cache_clear()
    assert [answer["accepted"] for answer in answers.values()] == [False, False, True]
    assert "self-signed" in answers[False, "hooks.test"]["error"]
    assert "not valid for 'other.test'" in answers[True, "other.test"]["error"]
    assert asked_for == ["hooks.test", "other.test", "hooks.test"]
    [(_, headers, _)] = receiver.received
    assert headers["host"] == f"hooks.test:{receiver.server_port}"


def test_what_is_no_longer_allowed_is_no_longer_sent(app, admin, receiver, webhook):
    app.config["WEBHOOK_ALLOW"] = None
    write(admin, "north")
    turn(app, webhook)
    [(error,)] = log(admin, webhook, "error")
    assert error.startswith("Only https")
    assert receiver.received == []
