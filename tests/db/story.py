"""A random history: records of every type are made, renamed, changed, merged, deleted and brought back."""

from collections import Counter
from random import Random
from typing import Any

from db.records import Operation
from schemas.fields import address
from tests.db.talks import MINIMAL, Talks, statuses

Json = dict[str, Any]

NAMES = [
    "Äland",
    "Край",
    "Nordland",
    "Šiauliai",
    "Ålesund",
    "Zürich",
    'The "Quoted"',
    "\\Back/slash",
    "😀 Fun",
    "İzmir",
]
WORDS = ["ceasefire", "prisoners", "перемирие", "Waffenruhe", "cessez-le-feu", "mémorandum", "ateşkes"]
DATES = ["2025-07-23", "2025-07", "2025", "[2025-07-23,2025-07-24]", "2025-07-20~", "2025-06-24/2025-06-25", None]
ENDS = [*DATES[:-2], "2025-07-25/2025-07-26", None]  # none is surely before any of these
COUNTRIES = ["TUR", "UKR", "RUS", None]
PEOPLED = 9  # names of each type, so that most references lead somewhere and many deletions are refused


class Story:
    """Writes itself, step by step, and keeps count of what became of its rows."""

    def __init__(self, talks: Talks, seed: int) -> None:
        self.talks, self.random = talks, Random(seed)
        self.ids: dict[str, list[str]] = {type: [] for type in MINIMAL}
        self.counts: Counter[str] = Counter()
        self.begin()

    def begin(self) -> None:
        """One set in which everything refers to everything."""
        names = [(type, address(f"{self.talks.scheme}:n{n}")) for type in MINIMAL for n in range(PEOPLED)]
        bodies = [
            {key: value for key, value in self.body(type).items() if key not in ("parent", "identifiers")}
            for type, _ in names
        ]
        self.write([Operation("replace", *name, body) for name, body in zip(names, bodies, strict=True)])

    def go_on(self, rows: int) -> None:
        """Write about so many rows, in sets of one to five."""
        while rows > 0:
            operations = [self.operation() for _ in range(self.random.randint(1, 5))]
            rows -= len(operations)
            self.write(operations, atomic=self.random.random() < 0.2)

    def write(self, operations: list[Operation], atomic: bool = True) -> None:
        outcomes = self.talks.write(*operations, atomic=atomic, admin=True)
        self.counts.update(statuses(outcomes))
        for operation, outcome in zip(operations, outcomes, strict=True):
            if outcome.status == "created" and outcome.id:
                self.ids[operation.type].append(outcome.id)

    def operation(self) -> Operation:
        type = self.random.choice(list(MINIMAL))
        kinds = {"replace": 12, "create": 3, "patch": 10, "delete": 6, "rename": 4, "merge": 2, "restore": 3}
        kind = self.random.choices([*kinds], [*kinds.values()])[0]
        name = address(f"{self.talks.scheme}:{self.name()}")
        ids = self.ids[type]
        target = {"id": self.random.choice(ids)} if ids and self.random.random() < 0.3 else name
        if kind == "create":
            return Operation("create", type, None, self.body(type))
        if kind == "replace":
            return Operation("replace", type, name, self.body(type))
        if kind == "merge":
            return Operation("merge", type, target, into=name, reason=self.some(WORDS))
        if kind == "restore":
            return Operation("restore", type, target)
        if kind == "delete":
            return Operation("delete", type, target, reason=self.some(WORDS))
        body = self.body(type)
        chosen = {key: body[key] for key in body if self.random.random() < 0.3}
        if kind == "rename":
            chosen = {"title" if type == "source" else "name": self.random.choice(NAMES)}
            chosen = {} if type == "delegation" else chosen
        return Operation("patch", type, target, chosen)

    def name(self) -> str:
        return f"n{self.random.randrange(PEOPLED)}"

    def some(self, values: list[Any]) -> Any:
        return self.random.choice(values)

    def ref(self) -> str:
        return f"{self.talks.scheme}:{self.name()}"

    def refs(self) -> list[str]:
        return [self.ref() for _ in range(self.random.randint(0, 3))]

    def body(self, type: str) -> Json:
        """A body that is usually good: some of its references lead nowhere."""
        random, some = self.random, self.some
        body: Json = {
            "note": some([*WORDS, None]),
            "sources": [{"source": self.ref(), "locator": some(["p. 1", None])}],
        }
        if random.random() < 0.2:
            extra = f"extra{random.randrange(4)}"
            body["identifiers"] = [{"scheme": self.talks.scheme, "identifier": extra}]
        match type:
            case "actor":
                body |= {"name": some(NAMES), "kind": some(["state", "igo"]), "country": some(COUNTRIES)}
                body |= {"parent": some([None, None, self.ref()]), "other_names": [{"name": some(NAMES)}]}
            case "person":
                post = {
                    "title": some(WORDS),
                    "organization": self.ref(),
                    "from": some(DATES),
                    "to": some([*ENDS, ".."]),
                }
                body |= {"name": some(NAMES), "positions": [post] * random.randint(0, 1)}
            case "source":
                body |= {"kind": some(["news", "official"]), "title": some([*NAMES, None])}
                body |= {"publisher": some([None, self.ref()]), "published_on": some(DATES), "sources": None}
            case "process":
                outcome = {"kind": "other", "rounds": self.refs(), "summary": some(WORDS)}
                body |= {"name": some(NAMES), "parties": self.refs(), "status": some(["ongoing", "concluded", None])}
                body |= {"started_on": some(DATES), "ended_on": some([*ENDS, ".."]), "outcomes": [outcome]}
            case "round":
                body |= {"status": some(["proposed", "concluded"]), "process": some([None, self.ref()])}
                body |= {"parent": some([None, None, self.ref()]), "number": some([1, 2, 3, None])}
                body |= {
                    "name": some([*NAMES, None]),
                    "starts_on": some(DATES),
                    "ends_on": some(ENDS),
                    "venue": {"country": some(COUNTRIES)},
                }
                body |= {
                    "third_parties": [{"actor": ref, "role": "host"} for ref in self.refs()],
                    "summary": some(WORDS),
                }
            case "delegation":
                members = [
                    {"person": ref, "role": some(["member", "expert"]), "note": some(WORDS)} for ref in self.refs()
                ]
                body |= {"round": self.ref(), "represents": [self.ref(), *self.refs()], "members": members}
        return body
