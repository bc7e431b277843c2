"""The recipes of CONTRIBUTING.md work: they are followed to the letter on a copy of the project, which then serves."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api import RESOURCES
from schemas.base import BODIES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(diff|sql) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVE = """
import json, os, sys
import psycopg
from psycopg.rows import dict_row
from api import create_app
from db import keys, records
from db.migrate import migrate

url = sys.argv[1]
migrate(url)
client = create_app(DATABASE_URL=url, LOG_LEVEL="critical").test_client()
with psycopg.connect(url, row_factory=dict_row) as conn:
    records.rebuild(conn)
    key = keys.create(conn, name="recipe", provider="test", scope="write")
head = {"Authorization": f"Bearer {key}"}
answers = [client.put("/v1/sources/recipe:new", json={"kind": "news", "author": "B. Writer"}, headers=head)]
for path in ("sources/recipe:old", "sources?author=B. Writer,C", "sources?author=Nobody", "sources?sort=author",
             "sources?q=writer", "sources?autor=x"):
    answers.append(client.get(f"/v1/{path}"))
print(json.dumps([[answer.status_code, answer.json] for answer in answers]))
"""


def follow(recipe: str, root: Path) -> set[str]:
    """Do what a chapter says, and name the files it changed."""
    changed = set()
    for kind, name, text in BLOCK.findall(recipe):
        file = root / name.replace("NNNN", "9999")
        if kind == "diff":
            lines = text.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] != "+")
            new = "".join(line[1:] for line in lines if line[0] != "-")
            whole = file.read_text(encoding="utf-8")
            assert whole.count(old) == 1, f"{name} does not hold, exactly once:\n{old}"
            text = whole.replace(old, new)
        file.write_text(text, encoding="utf-8")
        changed.add(name)
    return changed


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ("api", "schemas", "db", "openapi", "settings.py"):
        source = ROOT / room
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / room)
    return tmp_path


def test_a_field_and_a_filter(copy, fresh_app, signed):
    before = signed(fresh_app).put("/v1/sources/recipe:old", json={"kind": "official"})
    assert "author" not in before.json
    field, filter_ = re.findall(r"^## Add a (?:field|filter).*?(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
    assert follow(field, copy) == {"schemas/sources.py", "db/sources.sql", "db/migrations/NNNN_source_author.sql"}
    assert follow(filter_, copy) == {"schemas/sources.py", "db/sources.sql"}
    command = [sys.executable, "-W", "error", "-c", SERVE, fresh_app.config["DATABASE_URL"]]
    served = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=120)
    assert served.returncode == 0, served.stderr
    new, old, found, none, by_author, searched, misspelt = json.loads(served.stdout)
    assert (new[0], new[1]["author"]) == (201, "B. Writer")
    assert (old[1]["id"], old[1]["author"]) == (before.json["id"], None)
    assert found == [200, {"items": [new[1]], "next": None, "next_cursor": None}]
    assert none[1]["items"] == []
    assert by_author[1]["items"] == [new[1], old[1]]
    assert searched[1]["items"] == [new[1]]
    assert (misspelt[0], "Did you mean author?" in misspelt[1]["errors"][0]["detail"]) == (400, True)


def test_a_resource_is_one_name_in_five_places(app):
    places = ("api/{}.py", "schemas/{}.py", "db/{}.sql", "tests/api/test_{}.py", "openapi/examples/{}.json")
    collections = {body.collection for body in BODIES.values()}
    assert len(collections) >= 6
    assert collections <= set(RESOURCES)
    expected = [ROOT / place.format(name) for name in collections for place in places]
    assert [str(file.relative_to(ROOT)) for file in expected if not file.is_file()] == []
