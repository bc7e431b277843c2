"""Fields refuse what marshmallow would forgive, and keep what they take in one form."""

from datetime import UTC
from typing import Any

import marshmallow as ma
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import fields
from schemas.fields import address, escape, moment, stamp

TEXT = fields.Text(max=5)
NUMBER = fields.Number(-180, 180)
INTEGER = fields.Integer(1, 10)
ENUM = fields.Enum("state", "igo")

REFUSED: list[tuple[ma.fields.Field[Any], list[Any]]] = [
    (TEXT, ["", "123456", 5, True, ["x"], {"x": 1}, "a\x00b", "\ud800", "\udfff\ud800"]),
    (fields.Prose(max=3), ["", "four"]),
    (INTEGER, [0, 11, 5.0, 5.7, "5", " 5 ", True, 10**400, [1], float("inf")]),
    (NUMBER, [-181, 180.5, "5", True, float("nan"), float("inf"), -float("inf"), 10**400, 1e308, [1]]),
    (fields.Boolean(), ["yes", "true", 1, 0, "", []]),
    (ENUM, ["State", "state ", "other", "", 1, ["state"]]),
    (fields.Amount(), ["1e5", "1E+1000000", "NaN", "Infinity", "1,000.00", "1.", ".5", "+1", " 1", "1\n", 1, 1.5, "١",
                       "1" * 19, "1.0000001", "--1", ""]),
    (fields.Currency(), ["eur", "EURO", "XYZ", "", "EUR\n", "978", 1]),
    (fields.Country(), ["TR", "tur", "XKX", "TUR\n", "", 792]),
    (fields.Language(), ["", "e", "english", "en_GB", "xx-yy-zz-qq", "en-", "-en", "en\n", 1]),
    (fields.Url(), ["", "example.org", "ftp://example.org", "javascript:alert(1)", "http://", "https://?x", "http:///x",
                    "https://a b", "https://example.org/\n", "//example.org", 1]),
    (fields.Timestamp(), ["2025-07-21", "2025-07-21T12:00:00", "2025-07-21 12:00", "20250721T120000Z",
                          "2025-02-30T00:00:00Z", "2025-07-21T25:00:00Z", "2025-07-21T12:00:00+3", "x", "", 1,
                          "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "٢٠٢٥-07-21T12:00:00Z"]),
    (fields.Edtf(), ["", "..", "2025-13", "2025-02-30", "20255", "20250721", "yesterday", "2025-07-21T", 2025,
                     "x" * 101]),
    (fields.Ref("actor"), ["", "x", "x:", ":x", "X:y", "a b:c", 5, True, [], ["x:y"], {}, {"id": 5}, {"id": None},
                           {"id": "x:y", "type": "person"}, {"type": "actor"}, {"scheme": "x"}, "x:a\x00b",
                           {"id": "x:y", "type": ["actor"]}, "01900000-0000-7000-8000-00000000000",
                           "{01900000-0000-7000-8000-000000000000}", "x:" + "a" * 201, {"scheme": 1, "identifier": 2}]),
    (fields.Ref(), [{"id": "x:a", "type": []}, {"id": "x:a", "type": {"x": 1}}]),
    (fields.Pointer(), ["", "x", "/a~", "/a~2", "a/b", "/" + "a" * 200, 1]),
    (fields.Pattern("[a-z]+", "No.", "x"), ["A", "a1", "a\n", ""]),
]  # fmt: skip

TAKEN: list[tuple[ma.fields.Field[Any], Any, Any]] = [
    (TEXT, "Ünï", "Ünï"),
    (TEXT, "😀", "😀"),
    (TEXT, " a\n", " a\n"),
    (INTEGER, 10, 10),
    (NUMBER, 41.0, 41),
    (NUMBER, -0.0, 0),
    (NUMBER, 41.04, 41.04),
    (NUMBER, -180, -180),
    (fields.Boolean(), False, False),
    (fields.Amount(), "-200000000.00", "-200000000.00"),
    (fields.Amount(), "0", "0"),
    (fields.Currency(), "UAH", "UAH"),
    (fields.Country(), "UKR", "UKR"),
    (fields.Language(), "EN-gb", "en-GB"),
    (fields.Language(), "sr-cyrl", "sr-Cyrl"),
    (fields.Url(), "https://пример.рф/a?b=c#d", "https://пример.рф/a?b=c#d"),
    (fields.Timestamp(), "2025-07-21t12:00:00.5+03:00", "2025-07-21T09:00:00.500000Z"),
    (fields.Timestamp(), "2025-07-21T12:00:00.1234567Z", "2025-07-21T12:00:00.123456Z"),
    (fields.Timestamp(), "2024-02-29T23:59:59z", "2024-02-29T23:59:59Z"),
    (fields.Edtf(endless=True), "..", ".."),
    (fields.Edtf(), "[2025-07-23,2025-07-24]", "[2025-07-23,2025-07-24]"),
    (fields.Ref(), "X:y".lower(), {"type": None, "scheme": "x", "identifier": "y"}),
    (fields.Ref(), "x:a b/c,d", {"type": None, "scheme": "x", "identifier": "a%20b%2Fc%2Cd"}),
    (fields.Ref(), "x:a:b", {"type": None, "scheme": "x", "identifier": "a:b"}),
    (fields.Ref("actor"), {"id": "01900000-0000-7000-8000-00000000000A", "type": "actor", "name": "ignored"},
     {"type": "actor", "id": "01900000-0000-7000-8000-00000000000a"}),
    (fields.Ref("actor"), {"scheme": "x", "identifier": "y"}, {"type": None, "scheme": "x", "identifier": "y"}),
    (fields.Pointer(), "/a~1b/0", "/a~1b/0"),
]  # fmt: skip

BAD = [(field, value) for field, values in REFUSED for value in values]


@pytest.mark.parametrize(("field", "value"), BAD, ids=[f"{type(f).__name__}-{str(v)[:30]!a}" for f, v in BAD])
def test_refused(field, value):
    with pytest.raises(ma.ValidationError):
        field.deserialize(value)


@pytest.mark.parametrize(("field", "sent", "kept"), TAKEN, ids=[f"{type(f).__name__}-{s!a}" for f, s, _ in TAKEN])
def test_taken(field, sent, kept):
    assert field.deserialize(sent) == kept
    assert type(field.deserialize(sent)) is type(kept)
    assert field.deserialize(kept) == kept, "what is kept can be sent back"


def test_null_needs_leave():
    for field, _ in REFUSED:
        with pytest.raises(ma.ValidationError):
            field.deserialize(None)


def test_a_reference_is_read_again():
    """A patched document is validated anew: its references are already taken apart."""
    for sent in ("x:y", "01900000-0000-7000-8000-000000000000", {"id": "x:y", "type": "actor"}):
        once = fields.Ref("actor").deserialize(sent)
        assert fields.Ref("actor").deserialize(once) == once


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
shaped = st.sampled_from(["id", "type", "scheme", "identifier"])


@pytest.mark.parametrize("field", [field for field, _ in REFUSED], ids=lambda field: type(field).__name__)
@given(value=anything | st.dictionaries(shaped, anything))
def test_any_value_is_taken_or_refused(field, value):
    try:
        kept = field.deserialize(value)
    except ma.ValidationError:
        return
    assert field.deserialize(kept) == kept


@given(st.text(min_size=1, max_size=60))
def test_addresses(text):
    try:
        found = address(text)
    except ma.ValidationError:
        return
    named = found.get("id") or f"{found['scheme']}:{found['identifier']}"
    assert address(named) == found
    assert not set(named) & set(" /,\n\r\t\x00")


@given(st.text())
def test_escaping_twice_is_escaping_once(text):
    assert escape(escape(text)) == escape(text)


@given(st.datetimes(timezones=st.timezones()))
def test_stamps_are_read_again(when):
    try:
        text = stamp(when)
    except OverflowError:  # beyond the years of UTC
        return
    assert moment(text) == when.astimezone(UTC)
    assert text.endswith("Z")
