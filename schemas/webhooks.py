"""Endpoints that are told of changes, and what they are told."""

from typing import Any

from marshmallow import ValidationError, fields

from schemas.base import BODIES, Open, Schema, patch, some
from schemas.changes import Change
from schemas.fields import Boolean, Enum, Integer, Pattern, Text, Timestamp, about
from schemas.lists import Args, QueryInteger, nearest

MOST = 100  # webhooks of one installation
#: no userinfo, no fragment, nothing that two readers might take apart differently
URL = r"https?://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:[/?][A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?"


class RecordType(Text):
    """A type of records."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text not in BODIES:
            raise ValidationError(f"{text[:60]!r} is not a type: {', '.join(BODIES)}.{nearest(text, BODIES)}")
        return text


class WebhookBody(Schema):
    """An endpoint that is to be told of changes."""

    url = Pattern(URL, "Not an https address of ASCII characters, without user name and fragment.",
                  "https://hooks.example/parley", max=2000, required=True, metadata=about(
        "Where events are sent: `https`, and a name that leads to public addresses only."))  # fmt: skip
    types = some(RecordType(max=50), max=100, load_default=list, metadata=about(
        "Only changes of records of these types; empty: of all.", ["round", "pledge"]))  # fmt: skip
    description = Text(max=500, allow_none=True, load_default=None, metadata=about("What it is for."))
    enabled = Boolean(load_default=True, metadata=about("Whether events are sent. What happens meanwhile waits."))
    cursor = Pattern("[0-9a-f]{1,15}", "Not a cursor of the feed of changes.", "12f", load_default=None, metadata=about(
        "Go on after this change: the `cursor` of an item of `GET /changes`, or `0` for the beginning. Without it a new"
        " webhook is told of what comes from now on."))  # fmt: skip


WebhookPatch = patch(WebhookBody)


class Webhook(Open):
    """An endpoint that is told of changes."""

    id = fields.UUID(required=True, metadata=about("Its id."))
    url = Text(required=True, metadata=about("Where events are sent.", "https://hooks.example/parley"))
    types = fields.List(Text(), required=True, metadata=about("The types of records it is told of; empty: all."))
    description = Text(required=True, allow_none=True, metadata=about("What it is for."))
    enabled = fields.Boolean(required=True, metadata=about("Whether events are sent."))
    disabled_reason = Enum("gone", "failing", required=True, allow_none=True, metadata=about(
        "Why the server itself disabled it: the endpoint answered 410, or failed for three days."))  # fmt: skip
    cursor = Text(required=True, metadata=about("The change it was told of last, as in the feed of changes."))
    failed_attempts = Integer(0, 2**31 - 1, required=True, metadata=about("Attempts since the last that succeeded."))
    failing_since = Timestamp(required=True, allow_none=True, metadata=about("When the first of them failed."))
    next_attempt_at = Timestamp(required=True, metadata=about("The earliest time of the next, if there is an event."))
    previous_secret_until = Timestamp(required=True, allow_none=True, metadata=about(
        "Until then deliveries are signed with the secret before, too."))  # fmt: skip
    created_at = Timestamp(required=True, metadata=about("When it was made."))
    updated_at = Timestamp(required=True, metadata=about("When it was last changed by an admin."))
    secret = Text(metadata=about("What deliveries are signed with. Shown when it is made, and never again."))


class WebhookPage(Open):
    """One page of the webhooks, oldest first."""

    items = fields.List(fields.Nested(Webhook), required=True, metadata=about("The webhooks of this page."))
    next = Text(required=True, allow_none=True, metadata=about("Path of the next page; null at the end."))
    next_cursor = Text(required=True, allow_none=True, metadata=about("The cursor alone."))


class Delivery(Open):
    """An event that was sent once, and what the endpoint said."""

    id = fields.UUID(required=True, metadata=about("Its id."))
    event = Text(required=True, metadata=about("What was told: type and op, or `webhook.test`.", "pledge.updated"))
    cursor = Text(required=True, allow_none=True, metadata=about("The change, as in the feed; null for a test."))
    message = Text(required=True, metadata=about("The header `webhook-id`: the same whenever it is sent again."))
    attempt = Integer(1, 2**31 - 1, required=True, metadata=about("The how-manieth attempt it was, from 1."))
    sent_at = Timestamp(required=True, metadata=about("When it was sent."))
    ended_at = Timestamp(required=True, metadata=about("When it had been answered, or was given up."))
    accepted = fields.Boolean(required=True, metadata=about("Whether the answer was 2xx."))
    status = Integer(100, 999, required=True, allow_none=True, metadata=about("The HTTP status; null without one."))
    error = Text(required=True, allow_none=True, metadata=about("Why there is none."))
    response = Text(required=True, allow_none=True, metadata=about("How the body of the answer began."))


class DeliveryPage(Open):
    """One page of what an endpoint answered, newest first."""

    items = fields.List(fields.Nested(Delivery), required=True, metadata=about("The deliveries of this page."))
    next = Text(required=True, allow_none=True, metadata=about("Path of the next page; null at the end."))
    next_cursor = Text(required=True, allow_none=True, metadata=about("The cursor alone."))


class Event(Open):
    """What is sent to an endpoint."""

    type = Text(required=True, metadata=about("Type and op, or `webhook.test`.", "pledge.updated"))
    timestamp = Timestamp(required=True, metadata=about("When it happened."))
    data = fields.Nested(Change, required=True, metadata=about("The change, as in `GET /changes`; read the record there"
                                                               " where it says."))  # fmt: skip


class PageArgs(Args):
    limit = QueryInteger(1, 500, load_default=50, metadata=about("How many a page holds at most.", 50))
    cursor = Text(max=2000, metadata=about("Where the page before ended: its `next_cursor`. Opaque."))


class GetWebhookArgs(Args):
    pass
