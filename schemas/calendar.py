"""Rounds as events of a calendar (RFC 5545)."""

from datetime import date, timedelta
from typing import Any

from icalendar import Event

from schemas import edtf
from schemas.fields import moment
from schemas.problems import Json

HEAD = b"\r\n".join(
    [b"BEGIN:VCALENDAR", b"VERSION:2.0", b"PRODID:-//Parley//Rounds//EN", b"CALSCALE:GREGORIAN", b"METHOD:PUBLISH",
     b"NAME:Rounds of talks", b"X-WR-CALNAME:Rounds of talks", b"REFRESH-INTERVAL;VALUE=DURATION:PT6H", b""]
)  # fmt: skip
TAIL = b"END:VCALENDAR\r\n"
STATUS = {"proposed": "TENTATIVE", "scheduled": "TENTATIVE", "postponed": "TENTATIVE", "cancelled": "CANCELLED"}
ENDS = ("/starts_on", "/ends_on")


def event(round: Json, address: str) -> bytes:
    """The event of a round, or nothing where no day of it is known."""
    claims = [c for c in round["claims"] if c["property"] in ENDS and c["rank"] != "deprecated"]
    claimed = [c["value"] for c in claims if c["stance"] == "asserted" and isinstance(c["value"], str)]
    texts = list(dict.fromkeys(filter(None, (round["starts_on"], round["ends_on"], *claimed))))
    days = [day for text in texts for day in bounds(text) if day]
    if not days:
        return b""
    doubt = "contested" if set(ENDS) & set(round["contested"]) else "imprecise" if not exact(round) else None
    made = Event()
    made.add("uid", f"{round['id']}@parley")
    made.add("dtstamp", moment(round["updated_at"]))
    made.add("last-modified", moment(round["updated_at"]))
    made.add("created", moment(round["created_at"]))
    made.add("sequence", round["version"] - 1)
    made.add("dtstart", min(days))
    made.add("dtend", max(days) + timedelta(days=1))  # the first day on which it is over
    name = round["name"] or (f"Round {round['number']}" if round["number"] else "Round of talks")
    made.add("summary", f"{name} (date {doubt})" if doubt else name)
    made.add("description", "\n\n".join(filter(None, [dated(round, claims, doubt), round["summary"], round["note"]])))
    made.add("status", STATUS.get(round["status"], "CONFIRMED"))
    made.add("transp", "TRANSPARENT")
    made.add("url", address)
    venue: Json = round["venue"] or {}
    if place := ", ".join(filter(None, (venue.get("name"), venue.get("city"), venue.get("country")))):
        made.add("location", place)
    if venue.get("latitude") is not None and venue.get("longitude") is not None:
        made.add("geo", (venue["latitude"], venue["longitude"]))
    return bytes(made.to_ical())


def bounds(text: str) -> tuple[date | None, date | None]:
    try:
        return edtf.bounds(text)
    except ValueError:
        return None, None  # a claim may say anything


def exact(round: Json) -> bool:
    """Whether it is known on which day it begins and on which it ends."""
    texts = [text for text in (round["starts_on"], round["ends_on"]) if text]
    return all(edtf.certain(text) and len(set(edtf.bounds(text))) == 1 for text in texts)


def dated(round: Json, claims: list[Any], doubt: str | None) -> str:
    """What is known of the date, in words."""
    if doubt is None:
        return ""
    said = " to ".join(filter(None, (round["starts_on"], round["ends_on"])))
    lines = [f"The date is {doubt}" + (f": {said}." if said else ".")]
    for claim in claims:
        who = claim["asserted_by"]["name"] if claim["asserted_by"] else "somebody"
        what = claim["stance"].replace("_", " ")
        lines.append(f"{claim['value'] or 'Any day'}: {what} by {who}.")
    return "\n".join(lines)
