"""The SQL and the schemas agree on every name, and what is typed into q finds what it should and nothing else."""

import inspect
import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

import db
from api import RESOURCES
from db import lists, records
from schemas.base import BODIES, READ_ONLY, Body, embeds, expands, properties
from schemas.lists import AnyOf, ListArgs, QueryBoolean, RefsTo
from tests.db.talks import statements

ROOT = Path(db.__file__).parent.parent
ARGUMENT = re.compile(r"%\((\w+)\)[sb]")
for resource in RESOURCES:
    import_module(f"api.{resource}")
TYPES = sorted(BODIES)


def args_of(type: str) -> type[ListArgs]:
    module = inspect.getmodule(BODIES[type])
    found = [cls for cls in vars(module).values() if inspect.isclass(cls) and issubclass(cls, ListArgs)]
    return next(cls for cls in found if vars(cls).get("of") is BODIES[type])


def names(cls: type[ListArgs]) -> set[str]:
    return {field.attribute or name for name, field in cls._declared_fields.items()}


@pytest.fixture
def conn(migrated, make_database):
    with make_database("queries", like=migrated) as url, psycopg.connect(url, row_factory=dict_row) as conn:
        yield conn


@pytest.fixture(scope="module")
def columns(make_database, migrated) -> dict[str, dict[str, str]]:
    with make_database("columns", like=migrated) as url, psycopg.connect(url) as conn:
        query = (
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        )
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in conn.execute(query):
            found.setdefault(table, {})[column] = kind
        return found


# --- the same names everywhere -------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", TYPES)
def test_every_parameter_is_in_the_sql_and_the_other_way_round(type):
    own = names(args_of(type)) - names(ListArgs)
    assert set(ARGUMENT.findall(db.load(BODIES[type].collection).filter)) == own


def test_every_common_parameter_is_in_the_sql():
    used = {name for block in ("page", "common", "sparse") for name in ARGUMENT.findall(getattr(lists.sql, block))}
    elsewhere = {"cursor", "sort", "include", "include_total", "lang", "allow_machine", "q", "highlight", "as_of"}
    assert used - {"position"} == names(ListArgs) - elsewhere


@pytest.mark.parametrize("type", TYPES)
def test_every_sort_is_a_column_of_its_kind(type, columns):
    kinds = {"timestamptz": "timestamp with time zone"}
    table = columns[BODIES[type].collection]
    for column, kind in lists.sorts(type).items():
        assert table[column] == kinds.get(kind, kind)
    shown = {*READ_ONLY, *(name for name, _ in properties(BODIES[type]))}
    assert lists.sorts(type).keys() - shown <= {"amount"}, "a list is sorted by what can be seen"


@pytest.mark.parametrize("type", TYPES)
def test_every_projection_fits_its_tables(type, conn, columns):
    query = records._projection(type)
    conn.execute(query, {name: [] for name in ARGUMENT.findall(query)})
    for table, listed in re.findall(r"INSERT INTO (\w+) \(([^)]*)\)", query):
        assert {column.strip() for column in listed.split(",")} == columns[table].keys(), table


@pytest.mark.parametrize("type", TYPES)
def test_every_filter_has_its_own_condition(type):
    """A parameter that is not sent must not exclude anything, NULL columns included."""
    block = db.load(BODIES[type].collection).filter
    for name in ARGUMENT.findall(block):
        guard = rf"%\({name}\)s(::[\w\[\]]+)? (IS NULL|IS DISTINCT FROM|IS NOT TRUE|IS TRUE)"
        assert re.search(guard, block), name


def test_no_query_is_left_over():
    """Every named block is used, and every block that is used exists."""
    sources = {
        path: path.read_text() for room in ("api", "cli", "db", "schemas") for path in (ROOT / room).glob("*.py")
    }
    code = "\n".join(sources.values())
    for path in (ROOT / "db").glob("*.sql"):
        if path.name == "schema.sql":
            continue
        for name in vars(db.load(path.stem)):
            spoken = name.removeprefix("include_").removeprefix("one_")  # an include and a way are told by their names
            assert re.search(rf"\.{spoken}\b|[\"']{spoken}[\"']", code), f"{path.name}: {name}"


def test_queries_are_written_as_the_house_writes_them():
    for path in (ROOT / "db").glob("*.sql"):
        text = path.read_text()
        assert "SELECT *" not in text
        if path.name != "schema.sql":
            assert not re.search(r"\bIN %\(|= any\(", text), path.name


# --- every parameter at once ---------------------------------------------------------------------------------------


def example(name: str, field: Any) -> str:
    """A value that the parameter takes."""
    if isinstance(field, RefsTo):
        return "01900000-0000-7000-8000-000000000000,x:y"
    if isinstance(field, AnyOf):
        return ",".join(field.words)
    if isinstance(field, QueryBoolean):
        return "true"
    said = {**getattr(field, "json_schema", {}), **field.metadata}
    return str(said["enum"][-1] if "enum" in said else said["examples"][0])


@pytest.mark.parametrize("type", TYPES)
def test_everything_at_once(shared_house, type):
    """All parameters of a list in one request: one statement, whatever is asked."""
    query = {}
    for name, field in args_of(type)._declared_fields.items():
        key = field.data_key or name
        if key not in ("cursor", "fields", "include", "as_of", "q"):
            query[key] = example(key, field)
    query |= {"q": 'шмигаль "two words" -not', "fields": "id", "as_of": "2030-01-01"}
    query["include"] = ",".join([*embeds(type), *expands(type), *BODIES[type].includes])
    query = {name: value for name, value in query.items() if value}
    reader = shared_house.test_client()
    with statements(shared_house) as seen:
        answer = reader.get(f"/v1/{BODIES[type].collection}", query_string=query)
    assert answer.status_code == 200, answer.text
    assert [count for _, count in seen] == [1]
    for sort in lists.sorts(type):
        for way in ("", "-"):
            assert reader.get(f"/v1/{BODIES[type].collection}?sort={way}{sort}").status_code == 200


# --- q -------------------------------------------------------------------------------------------------------------

PEOPLE = {
    "shmyhal": {"name": "Denys Shmyhal", "other_names": [{"name": "Денис Шмигаль"}, {"name": "Denis Shmygal"}]},
    "denys": {"name": "Denys Monastyrsky"},
    "umerov": {"name": "Rustem Umerov", "note": "He headed the delegation at talks on prisoners of war."},
    "barrot": {"name": "Jean-Noël Barrot", "other_names": [{"name": "Barrault"}, {"name": "Жан-Ноэль Барро"}]},
    "barro": {"name": "Robert Barro", "note": "An economist, mentioned with Umerov."},
    "erdogan": {"name": "Recep Tayyip Erdoğan", "positions": [{"title": "President of the Republic"}]},
}  # fmt: skip
Q = {
    "Shmyhal": ["shmyhal"],
    "Shmygal": ["shmyhal"],
    "Шмигаль": ["shmyhal"],
    "шмыгаль": ["shmyhal"],
    "Schmyhal": ["shmyhal"],
    "Shmyhla": ["shmyhal"],  # two letters changed places
    "denis shmygal": ["shmyhal"],
    "Shmyhal Denys": ["shmyhal"],
    "denys": {"denys", "shmyhal"},  # neither better than the other
    "Denys Monastyrsky": ["denys"],
    "umerov": ["umerov", "barro"],  # the name before the mention
    "Умеров": ["umerov"],
    "prisoner": ["umerov"],  # another form of the word
    '"prisoners of war"': ["umerov"],
    '"war of prisoners"': [],
    "barro": ["barro", "barrot"],
    "barrot": ["barrot", "barro"],
    "noel": ["barrot"],
    "erdogan": ["erdogan"],
    "ERDOĞAN": ["erdogan"],
    "president": ["erdogan"],
    "umerov -economist": ["umerov"],
    "xyzzy": [],
    "%": [],
    "\\": [],
    "' OR 1=1 --": [],
    "(((": [],
    "& | ! <->": [],
    "  ": [],
    "-": [],
    '"': [],
    "a" * 200: [],
}


@pytest.fixture(scope="module")
def crowd(make_database, migrated, signed):
    from tests.db.talks import Talks, house

    with make_database("crowd", like=migrated) as url, house(url) as app:
        talks = Talks(app, signed(app), "test")
        for name, body in PEOPLE.items():
            talks.made("person", name, **body)
        yield talks


@pytest.mark.parametrize(("q", "found"), Q.items())
def test_what_q_finds(crowd, q, found):
    answer = crowd.client.get("/v1/people", query_string={"q": q, "include_total": "true"})
    assert answer.status_code == 200, answer.text
    shown = [item["identifiers"][0]["identifier"] for item in answer.json["items"]]
    assert (set(shown) if isinstance(found, set) else shown) == found
    assert answer.json["total"] == len(found)


def test_q_with_other_things(crowd):
    answer = crowd.client.get("/v1/people?q=denys&sort=-name&limit=1").json
    assert [item["name"] for item in answer["items"]] == ["Denys Shmyhal"]
    answer = crowd.client.get(answer["next"]).json
    assert [item["name"] for item in answer["items"]] == ["Denys Monastyrsky"]
    assert answer["next"] is None
    assert crowd.client.get("/v1/actors?q=denys").json["items"] == []  # people are no actors


def test_what_q_does_not_read(talks):
    """Labels of others, identifiers, former spellings and the deleted are not found."""
    talks.made("actor", "qactor", name="Quuxland")
    talks.made("person", "qperson", name="Old Quibbler", positions=[{"title": "x", "organization": "{}:qactor"}])
    assert talks.found("person", "q=Quuxland") == []
    assert talks.found("person", "q=qperson") == []
    assert talks.found("person", "q=Quibbler") == ["qperson"]
    then = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    talks.made("person", "qperson", name="New Name")
    assert talks.found("person", "q=Quibbler") == []
    assert talks.found("person", f"q=Quibbler&as_of={then}") == ["qperson"]
    talks.made("actor", "qgone", name="Vanishistan")
    talks.delete("actor", "qgone")
    assert talks.found("actor", "q=Vanishistan") == []


def test_every_body_knows_what_names_it():
    for type, body in BODIES.items():
        assert issubclass(body, Body)
        assert body.label is None or body.label in dict(properties(body)), type
