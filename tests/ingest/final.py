"""What a load left on a server: what must be alike however it went."""

from typing import Any

from ingest.client import Client
from tests.ingest.conftest import everything

COLLECTIONS = ("actors", "sources", "pledges")
OWN = {"id", "created_at", "updated_at"}  # what each server makes up by itself


def final(client: Client) -> tuple[dict[str, Any], dict[str, int]]:
    """Every record, by its name, but for ids and times; and how many revisions of each kind there are."""
    found = {}
    for collection in COLLECTIONS:
        page = client.get(f"/v1/{collection}", limit=500)
        while True:
            for record in page["items"]:
                name = f"{collection} {record['identifiers'][0]['identifier']}"
                assert name not in found, "a duplicate"
                found[name] = portable(record)
            if page["next"] is None:
                break
            page = client.get(page["next"])
    return found, everything(client)


def portable(value: Any) -> Any:
    if isinstance(value, list):
        return [portable(entry) for entry in value]
    if isinstance(value, dict):
        return {key: portable(entry) for key, entry in value.items() if key not in OWN}
    return value
