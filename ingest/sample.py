"""Load the reference actors and the sample data through the API: python -m ingest.sample URL KEYFILE [--if-empty]"""

import argparse
import json
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx

from ingest import reference
from ingest.client import Client, Json, Refused

DATA = Path(__file__).parent / "data"
#: the collections, in the order in which they are read, and what a record of each is called
FILES = {
    "actors": "actor", "sources": "source", "people": "person", "processes": "process", "rounds": "round",
    "delegations": "delegation", "meetings": "meeting", "documents": "document", "pledges": "pledge",
    "statements": "statement", "claims": "claim",
}  # fmt: skip

Record = tuple[str, str, Json]  # collection, scheme:identifier, body


def records() -> Iterator[Record]:
    """Everything there is to load."""
    yield from reference.records()
    for collection in FILES:
        for body in json.loads((DATA / f"{collection}.json").read_text(encoding="utf-8")):
            yield collection, "{scheme}:{identifier}".format_map(body["identifiers"][0]), body


def load(client: Client) -> Counter[str]:
    """Upsert every record and count what became of them; a second run finds all of them unchanged.

    In one batch, as its rows may refer to each other: rounds name their process, and its outcomes name the rounds.
    """
    rows = [
        {"op": "upsert", "type": FILES[collection], "identifier": identifier, "data": body}
        for collection, identifier, body in records()
    ]
    results = client.batch("\n".join(map(json.dumps, rows)).encode(), secrets.token_hex(16))["results"]
    for result in results:
        if result["status"] == "failed":
            raise Refused(result["problem"])
    return Counter(result["status"] for result in results)


def there(client: Client, path: str) -> bool:
    try:
        client.get(path)
    except Refused as refused:
        if refused.status not in (404, 410):
            raise
        return refused.status == 410  # deleted on purpose, and not ours to bring back
    return True


def loaded(client: Client) -> bool:
    """Whether the last record to be loaded is there; if so, the others are, or were taken away on purpose."""
    last = {collection: identifier for collection, identifier, _ in records()}
    for collection, identifier in reversed(last.items()):
        if there(client, f"/v1/{collection}?limit=1"):
            return there(client, f"/v1/{collection}/{identifier}")
    return False


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m ingest.sample", description="Load the sample data.")
    parser.add_argument("url", help="where the API is, for instance http://127.0.0.1:8000")
    parser.add_argument("keyfile", type=Path, help="a file that holds a key with the scope write")
    parser.add_argument("--if-empty", action="store_true", help="do nothing when the sample was loaded before")
    args = parser.parse_args(argv)
    try:
        with Client(args.url, args.keyfile.read_text().strip()) as client:
            if args.if_empty and loaded(client):
                print("sample: loaded before")
                return
            counts = load(client)
    except (Refused, httpx.TransportError) as error:
        raise SystemExit(f"sample: {error}") from error
    print("sample:", ", ".join(f"{counts[result]} {result}" for result in ("created", "updated", "unchanged")))


if __name__ == "__main__":
    main()
