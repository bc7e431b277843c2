"""What pledges add up to: one statement counts and adds, and its cells are put together here."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache, lru_cache
from typing import Any

import db
from db import lists
from schemas.pledges import DIGITS
from schemas.problems import Json, Refused, fault
from schemas.summary import EXCLUDED, MOST, NOT_CONVERTED

sql = db.load("summary")

#: Keys of which a pledge may have several, and so stand in several groups: one of them, and a row for each or for none.
SEVERAL = {
    "donor": ("d.donor", "\n      LEFT JOIN LATERAL unnest(c.donors) AS d (donor) ON TRUE"),
    "recipient": ("x.recipient", "\n      LEFT JOIN LATERAL unnest(c.recipients) AS x (recipient) ON TRUE"),
}
SHARED = {"donor": "NOT t.split", "recipient": "cardinality(t.recipients) > 1"}
#: A date that may lie in two months belongs to neither.
WITHIN = "date_trunc('{0}', f.day) = date_trunc('{0}', f.last_day)"
MADE = {
    "year": f"CASE WHEN {WITHIN.format('year')} THEN to_char(f.day, 'YYYY') END",
    "month": f"CASE WHEN {WITHIN.format('month')} THEN to_char(f.day, 'YYYY-MM') END",
}
#: where there is nothing to convert, the planner knows it by this
RATES = {
    True: "LEFT JOIN rated AS r ON r.currency = c.currency AND r.day = c.day",
    False: "CROSS JOIN (SELECT NULL::date AS rate_day, NULL::numeric AS rate, NULL::text AS why) AS r",
}

SHARES = {
    False: "it belongs to one group, or is parted as stated",
    True: "who pays how much is not stated, or several receive it",
}
BOUNDS = ("value", "min", "max")
CONVERTED = ("converted_value", "converted_min", "converted_max")


def summarize(args: Json) -> Json:
    """Answer ``SummaryArgs`` as ``Summary``, by one query."""
    keys: tuple[str, ...] = tuple(args["group_by"] or ())
    query = _query(keys, bool(args["convert"]), bool(args["explain"]), lists.Choice.of("pledge", args))
    found = db.row(query, args | lists.searched(args["q"]) | {"most": MOST})
    assert found is not None  # it selects from nothing
    if args["explain"] and found["found"] > MOST:
        text = f"{found['found']} pledges are found; at most {MOST} can be explained in one answer. Narrow the filters."
        raise Refused(400, "invalid_query", text, [fault("explain", "too_many", text, "query")])
    groups: dict[tuple[str | None, ...], list[Json]] = defaultdict(list)
    total = []
    named = {_which(cell): cell["ids"] for cell in found["named"] or ()}
    for cell in found["cells"] or ():
        cell["ids"] = named.get(_which(cell), [])
        if keys and not cell["total"]:
            groups[(cell["key_1"], cell["key_2"])[: len(keys)]].append(cell)
        if cell["total"] or SEVERAL.keys().isdisjoint(keys):
            total.append(cell)
    labels = found["labels"] or {}
    with localcontext(prec=DIGITS):
        made = [
            {
                "key": {
                    name: labels.get(value, value) if value else None for name, value in zip(keys, group, strict=True)
                }
            }
            | account(cells, args)
            for group, cells in groups.items()
        ]
        return {
            "group_by": list(keys),
            "groups": sorted(made, key=lambda group: [_order(value) for value in group["key"].values()]),
            "total": account(total, args),
            "rates": [rate | {"rate": spell_rate(rate["rate"])} for rate in found["rates"] or ()],
            "explain": explanation(found, args) if args["explain"] else None,
        }


@lru_cache(512)
def _query(keys: tuple[str, ...], converting: bool, explaining: bool, choice: lists.Choice) -> str:
    several = {key: SEVERAL[key][1] for key in keys if key in SEVERAL}
    slots = {
        "joins": "".join(several.values()),
        "of_parted": several.get("recipient", ""),
        "rates": RATES[converting],
        # without explanations, only of what has no rate: nobody looks for it where each has one
        "asked": "EXISTS (SELECT FROM rated WHERE rated.why IS NOT NULL)" if converting and not explaining else "TRUE",
    }
    for number, key in enumerate((*keys, None, None)[:2], 1):
        slots[f"own_{number}"] = MADE.get(key, f"f.{key}") if key and key not in SEVERAL else "NULL::text"
        slots[f"key_{number}"] = SEVERAL[key][0] if key in SEVERAL else f"c.key_{number}"
    return str(
        sql.summary.format(
            donors="f.donors" if "donor" in keys else "NULL::uuid[]",
            recipients="f.recipients" if "recipient" in keys else "NULL::uuid[]",
            parted="f.parted" if "donor" in keys else "FALSE",
            parts=f"\n     {sql.parted.format(**slots)}" if "donor" in keys else "",
            whole=f"\n     {sql.whole}" if several else "",
            named_whole=f"\n     {sql.named_whole.format(**slots)}" if several else "",
            day="c.day" if converting else "NULL::date",
            imprecise="c.imprecise" if converting else "FALSE",
            # to keep rows takes longer than to read them again, but where there are few
            kept="MATERIALIZED" if explaining else "NOT MATERIALIZED",
            shared=" OR ".join(SHARED[key] for key in keys if key in SHARED) or "FALSE",
            **slots,
            **choice.slots(),
        )
    )


def _which(cell: Json) -> tuple[Any, ...]:
    return tuple(cell[name] for name in ("total", "key_1", "key_2", "shared", "currency", "why"))


def _order(value: Any) -> tuple[bool, str, str]:
    """Groups stand in the order of their keys, people's names before ids, the unknown last."""
    if isinstance(value, dict):
        return (False, (value["name"] or "").casefold(), value["id"])
    return (value is None, value or "", "")


# --- putting cells together ----------------------------------------------------------------------------------------
# A cell holds the pledges of one group that are alike: shared or not, of one currency, converted or for one reason not.


def account(cells: list[Json], args: Json) -> Json:
    """What the pledges of some cells add up to."""
    exclusive = [cell for cell in cells if not cell["shared"]]
    shared = [cell for cell in cells if cell["shared"]]
    return {
        "pledges": _count(cells),
        "exclusive": part(exclusive, args),
        "shared": part(shared, args),
        "by_currency": by_currency(cells),
        "converted": converted(exclusive, shared, args["convert"]) if args["convert"] else None,
        "not_converted": not_converted(cells),
    }


def part(cells: list[Json], args: Json) -> Json:
    return {
        "pledges": _count(cells),
        "without_amount": _count(cell for cell in cells if cell["currency"] is None),
        "amounts": by_currency(cells),
        "ids": sorted(id for cell in cells for id in cell["ids"]) if args["explain"] else [],
    }


def by_currency(cells: list[Json]) -> list[Json]:
    found: dict[str, list[Json]] = defaultdict(list)
    for cell in cells:
        if cell["currency"] is not None:
            found[cell["currency"]].append(cell)
    return [
        {"currency": currency, "pledges": _count(alike)} | add(alike, BOUNDS)
        for currency, alike in sorted(found.items())
    ]


def converted(exclusive: list[Json], shared: list[Json], currency: str) -> Json:
    cells = [cell for cell in (*exclusive, *shared) if _is_converted(cell)]
    return {
        "currency": currency,
        "exclusive": add([cell for cell in exclusive if _is_converted(cell)], CONVERTED, currency),
        "shared": add([cell for cell in shared if _is_converted(cell)], CONVERTED, currency),
        "all": add(cells, CONVERTED, currency),
        "pledges": _count(cells),
        "imprecise": sum(cell["imprecise"] for cell in cells),
    }


def not_converted(cells: list[Json]) -> list[Json]:
    found: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for cell in cells:
        if cell["why"] is not None:
            found[cell["why"], cell["currency"]].append(cell)
    return [
        {
            "reason": why,
            "detail": NOT_CONVERTED[why],
            "currency": currency,
            "pledges": _count(alike),
            "ids": sorted(id for cell in alike for id in cell["ids"])[:MOST],
        }
        for (why, currency), alike in sorted(found.items())
    ]


def _is_converted(cell: Json) -> bool:
    return cell["currency"] is not None and cell["why"] is None


def _count(cells: Iterable[Json]) -> int:
    return sum(cell["pledges"] for cell in cells)


def add(cells: list[Json], names: tuple[str, str, str], currency: str | None = None) -> Json:
    """Add up cells: amounts that are not stated are not in the sum, a bound that is not stated leaves it unbounded."""
    value, least, most = ([Decimal(cell[name]) for cell in cells if cell[name] is not None] for name in names)
    return {
        "value": spell(sum(value), currency) if value else None,
        "min": spell(sum(least), currency) if least and len(least) == len(cells) else None,
        "max": spell(sum(most), currency) if most and len(most) == len(cells) else None,
    }


@cache
def _minor_unit(currency: str) -> Decimal:
    from babel.numbers import get_currency_precision  # 6 MB that only a conversion needs

    return Decimal(1).scaleb(-get_currency_precision(currency))


def spell(value: Decimal | int, currency: str | None = None) -> str:
    """A decimal string: rounded to the minor unit of a currency, or exact, with no more zeros than cents have."""
    value = Decimal(value)
    if currency is not None:
        return f"{value.quantize(_minor_unit(currency), ROUND_HALF_UP):f}"
    places, written = (-int(number.as_tuple().exponent) for number in (value.normalize(), value))
    return f"{value:.{max(places, 2 if written >= 2 else 0)}f}"


def spell_rate(rate: str | None) -> str | None:
    return f"{Decimal(rate).normalize():f}" if rate else None


# --- explaining ----------------------------------------------------------------------------------------------------


def explanation(found: Json, args: Json) -> Json:
    counted = found["counted"] or []
    return {
        "counted": [_counted(pledge, args["convert"]) for pledge in counted],
        "excluded": [pledge | {"detail": EXCLUDED[pledge["reason"]]} for pledge in found["excluded"] or ()],
        "without_amount": [pledge["pledge"]["id"] for pledge in counted if pledge["currency"] is None],
    }


def _counted(pledge: Json, convert: str | None) -> Json:
    rate = Decimal(pledge["rate"]) if pledge["rate"] else None
    amounts = {name: Decimal(pledge[name]) if pledge[name] else None for name in BOUNDS}
    why = pledge.pop("why")
    return (
        pledge
        | {
            "reason": f"Its status is {pledge['status']}, and {SHARES[pledge['shared']]}.",
            "rate": spell_rate(pledge["rate"]),
            "converted": {
                name: spell(value * rate, convert) if value is not None else None for name, value in amounts.items()
            }
            if rate
            else None,
            "not_converted": why,
        }
        | {name: spell(value) if value is not None else None for name, value in amounts.items()}
    )
