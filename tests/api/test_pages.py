"""The pages for people: they work, they are true, and they ask nobody but this server for anything."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import api
from api import create_app, pages
from api.pages import PROBLEMS

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "api" / "pages" / "static"
PAGES = ["/", "/docs", "/problems", "/problems/not-found"]


class Page(HTMLParser):
    """What a page refers to, and its title."""

    def __init__(self, text):
        super().__init__()
        self.links, self.inline, self.tags, self.meta = [], [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.links += [values[name] for name in ("href", "src") if name in values]
        self.inline += [name for name in values if name == "style" or name.startswith("on")]
        if tag == "meta" and "property" in values:
            self.meta[values["property"]] = values["content"]


@pytest.mark.parametrize("start", PAGES)
def test_every_link_leads_somewhere_on_this_server(client, start):
    links = {link for link in Page(client.get(start).text).links if not link.startswith("#")}
    assert len(links) > 2
    assert {link[0] for link in links} == {"/"}
    assert {link: client.get(link, buffered=True).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_nothing_inline_and_are_framed_by_nobody(client, path):
    answer = client.get(path)
    page = Page(answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert answer.content_type == "text/html; charset=utf-8"
    assert (page.inline, "style" in page.tags) == ([], False)
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "script-src 'unsafe" not in policy
    assert ("script" in page.tags) == (path == "/docs")


def test_the_reference_has_a_nonce_of_its_own_each_time(client):
    answers = [client.get("/docs") for _ in range(2)]
    nonces = [Page(answer.text).meta["csp-nonce"] for answer in answers]
    assert len(set(nonces)) == 2
    for answer, nonce in zip(answers, nonces, strict=True):
        assert f"style-src 'self' 'nonce-{nonce}'" in answer.headers["Content-Security-Policy"]


def test_the_vendored_file_is_the_one_that_was_checked():
    expected, name = (STATIC / "scalar.js.sha256").read_text().split()
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == expected
    assert "MIT License" in (STATIC / "scalar.js.LICENSE").read_text()


def test_the_reference_asks_nobody_else(client):
    settings = client.get("/assets/docs.js", buffered=True).text
    assert "http" not in settings
    for switch in (
        "withDefaultFonts: false",
        "telemetry: false",
        "agent: { disabled: true }",
        "mcp: { disabled: true }",
    ):
        assert switch in settings


def counts(client):
    found = re.findall(r'<a href="/v1/(\w+)">\w+</a>\s*<span class="count">([\d,–]+)</span>', client.get("/").text)
    return {name: int(count.replace(",", "")) for name, count in found}


def test_the_landing_page_counts_what_is_live(fresh_app, signed):
    client = signed(fresh_app)
    before = counts(client)
    made = [client.post("/v1/actors", json={"name": f"Actor {n}", "kind": "other"}) for n in range(3)]
    assert {answer.status_code for answer in made} == {201}
    assert counts(client) == before | {"actors": before["actors"] + 3}
    one = made[0]
    client.delete(one.headers["Location"], headers={"If-Match": one.headers["ETag"]})
    assert counts(client)["actors"] == before["actors"] + 2


def test_the_landing_page_shows_the_collections_there_are(client):
    document = client.get("/v1/openapi.json").json
    lists = {path[1:] for path, item in document["paths"].items() if path.count("/") == 1 and "post" in item}
    shown = {path for path, _ in pages.COLLECTIONS.values()}
    assert counts(client).keys() == lists & shown
    assert "rounds" in lists & shown


@pytest.mark.parametrize("path", [path for _, path in pages.CALLS])
def test_the_first_calls_are_understood(client, path):
    assert client.get(f"/{path}").status_code in (200, 404)  # 404: no such record in an empty database
    assert (
        f"http://parley.example/{path}".replace("&", "&amp;") in client.get("/", base_url="http://parley.example").text
    )


def test_a_forged_host_is_shown_as_text(client):
    assert "<script" not in client.get("/", headers={"Host": 'x"><script>'}).text


def test_without_a_database_the_landing_page_says_so():
    app = create_app(DATABASE_URL="host=127.0.0.1 port=1", DB_TIMEOUT=1)
    answer = app.test_client().get("/")
    api.close(app)
    assert answer.status_code == 200
    assert "The database does not answer just now" in answer.text


def test_whether_reading_needs_a_key_is_told_truly(client, app, monkeypatch):
    assert "Reading needs no key." in client.get("/").text
    monkeypatch.setitem(app.config, "PUBLIC_READ", False)
    assert "Reading needs a key." in client.get("/").text


def test_every_problem_in_the_code_has_a_page(client):
    raised = re.compile(r'(?:Refused|problem)\(\s*(\d{3}),\s*"(\w+)"')
    sources = [file.read_text() for room in ("api", "db", "schemas") for file in (ROOT / room).rglob("*.py")]
    found = {(code, int(status)) for source in sources for status, code in raised.findall(source)}
    assert len(found) > 10
    assert found <= {(problem["code"], problem["status"]) for problem in PROBLEMS.values()}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_each_problem_explains_itself(client, problem):
    page = client.get(problem["type"])
    assert problem["code"] in page.text
    assert "`" not in page.text
    assert client.get(problem["type"], headers={"Accept": "application/json"}).json == problem
    assert problem["meaning"].endswith(".")
    assert problem["mend"].endswith(".")


def test_a_problem_leads_to_its_page(client):
    refused = client.get("/v1/rounds?surprise=1").json
    page = client.get(refused["type"], headers={"Accept": "application/json"}).json
    assert (page["code"], page["status"], page["title"]) == (refused["code"], refused["status"], refused["title"])


def test_the_index_lists_all_problems(client):
    page = client.get("/problems")
    assert [link for link in Page(page.text).links if link.startswith("/problems/")] == [
        problem["type"] for problem in PROBLEMS.values()
    ]
    listed = client.get("/problems", headers={"Accept": "application/json"})
    assert listed.json == {"items": list(PROBLEMS.values())}
    assert "Accept" in page.headers["Vary"]
    assert "Accept" in listed.headers["Vary"].split(", ")


def test_an_unknown_problem_is_a_problem(client):
    answer = client.get("/problems/no-such-thing")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_what_browsers_and_crawlers_ask_for(client):
    answers = [client.get(path, buffered=True) for path in ("/favicon.svg", "/favicon.ico", "/robots.txt")]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.mimetype for answer in answers] == ["image/svg+xml", "image/svg+xml", "text/plain"]


def test_a_part_of_a_file_is_not_compressed(client):
    whole = (STATIC / "scalar.js").read_bytes()
    asked = {"Range": "bytes=10-5009", "Accept-Encoding": "gzip"}
    part = client.get("/assets/scalar.js", headers=asked, buffered=True)
    assert part.status_code == 206
    assert part.data == whole[10:5010]


def test_pages_are_not_part_of_the_api_document(client):
    paths = client.get("/v1/openapi.json").json["paths"]
    assert not [path for path in paths if "problem" in path or "docs" in path or "livez" in path]
