"""Load the reference actors and the sample data through the API: python -m ingest.sample URL KEYFILE [--if-empty]"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from ingest import reference
from ingest.client import Client, Json, Refused, Result

DATA = Path(__file__).parent / "data"
FILES = ["actors", "sources", "people", "processes", "rounds", "delegations", "meetings", "documents", "pledges"]
FILES += ["statements", "claims"]  # which point at all the others

Record = tuple[str, str, Json]  # collection, scheme:identifier, body


def records() -> Iterator[Record]:
    """Everything there is to load, in an order in which nearly all references point backwards."""
    yield from reference.records()
    for collection in FILES:
        for body in json.loads((DATA / f"{collection}.json").read_text(encoding="utf-8")):
            yield collection, "{scheme}:{identifier}".format_map(body["identifiers"][0]), body


def load(client: Client) -> Counter[Result]:
    """Upsert every record and count what became of them; a second run finds all of them unchanged."""
    everything = list(records())
    missing = {identifier for _, identifier, _ in everything}
    collections = dict.fromkeys(collection for collection, _, _ in everything)
    absent = [collection for collection in collections if not there(client, f"/v1/{collection}?limit=1")]
    for collection in absent:
        print(f"{collection}: skipped, for the server does not have it")
    results: dict[str, Result] = {}
    unfinished = []
    for collection, identifier, body in everything:
        if collection not in absent:
            now = without(body, missing)
            results[identifier] = client.upsert(collection, identifier, now, only_create=now != body)
            missing.discard(identifier)
            if now != body:
                unfinished.append((collection, identifier, body))
    # an outcome of the process names the rounds it came from, and the rounds name the process
    for collection, identifier, body in unfinished:
        result = client.upsert(collection, identifier, without(body, missing))
        if results[identifier] != "created":
            results[identifier] = result
    return Counter(results.values())


def without(value: Any, missing: set[str]) -> Any:
    """The same, less the references to missing records."""
    if isinstance(value, dict):
        return {name: without(inner, missing) for name, inner in value.items() if not refers(inner, missing)}
    if isinstance(value, list):
        return [without(inner, missing) for inner in value if not refers(inner, missing)]
    return value


def refers(value: Any, missing: set[str]) -> bool:
    return isinstance(value, str) and value in missing


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
