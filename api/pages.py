"""The pages for people: what this is, its reference, and what each problem means."""

import json
import re
from importlib.metadata import version
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import psycopg
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, make_response, render_template, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as AnyResponse

import db

HERE = Path(__file__).with_suffix("")
COUNT = "SELECT type, count(*) AS live FROM records WHERE state = 'live' GROUP BY type"
COLLECTIONS = {
    "process": ("processes", "Talks as a whole: parties, tracks, outcomes."),
    "round": ("rounds", "Each round: dates, venue, third parties, outcomes."),
    "delegation": ("delegations", "Who sat there for whom, in the post held then."),
    "statement": ("statements", "Who said what, when, where and for whom."),
    "pledge": ("pledges", "Aid: donors, recipients, amounts, where it stands."),
    "transaction": ("transactions", "What became of a pledge."),
    "meeting": ("meetings", "Summits, visits, calls, contact groups."),
    "document": ("documents", "Memoranda, drafts, agreements, their provisions."),
    "claim": ("claims", "One value, and who asserts or denies it."),
    "actor": ("actors", "States, alliances, bodies, companies, media."),
    "person": ("people", "People, every spelling of their names, their posts."),
    "source": ("sources", "Where all this was said or printed."),
}
CALLS = [
    ("Rounds of talks between two days", "v1/rounds?from=2025-05-16&to=2025-06-02"),
    ("A person, by any spelling", "v1/people?q=Shmygal"),
    ("A state, by its ISO 3166-1 code", "v1/actors/iso3166-1:UKR"),
]
#: every problem code of this API, as the pages show it and the answers name it
PROBLEMS: dict[str, dict[str, Any]] = {
    problem["code"]: problem | {"type": f"/problems/{problem['code'].replace('_', '-')}"}
    for problem in json.loads(HERE.with_name("problems.json").read_text(encoding="utf-8"))
}
NOTHING = "default-src 'none'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
STRICT = f"{NOTHING}; style-src 'self'"
REFERENCE = (
    f"{NOTHING}; script-src 'self'; connect-src 'self';"
    " style-src 'self' 'nonce-%s'; style-src-attr 'unsafe-inline'"  # it sets heights and the like
)

blp = Blueprint("pages", __name__, template_folder="pages", static_folder="pages/static", static_url_path="/assets")


def init_app(app: Flask) -> None:
    app.register_blueprint(blp)


def page(template: str, policy: str = STRICT, **context: Any) -> Response:
    answer = make_response(render_template(template, version=version("parley"), **context))
    answer.headers["Content-Security-Policy"] = policy
    return answer


def negotiated(template: str, data: dict[str, Any], **context: Any) -> Response:
    """A page for people; the same as JSON for whoever asks for it."""
    kind = request.accept_mimetypes.best_match(["text/html", "application/json"])
    answer = jsonify(data) if kind == "application/json" else page(template, **context)
    answer.vary.add("Accept")
    return answer


@blp.app_template_filter("code")
def mark_code(text: str) -> Markup:
    """Text with its `words of the API` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped before)


@blp.get("/")
def show_landing() -> Response:
    try:
        counts = {row["type"]: row["live"] for row in db.rows(COUNT)}
    except psycopg.Error:
        counts = None
    routes = {rule.rule for rule in current_app.url_map.iter_rules()}
    served = {type: about for type, about in COLLECTIONS.items() if f"/v1/{about[0]}" in routes}
    answer = page("landing.html", counts=counts, collections=served, calls=CALLS)
    answer.cache_control.max_age = 60
    return answer


@blp.get("/docs")
def show_docs() -> Response:
    nonce = token_urlsafe(16)
    return page("docs.html", REFERENCE % nonce, nonce=nonce)


@blp.get("/problems")
def list_problems() -> Response:
    items = list(PROBLEMS.values())
    return negotiated("problems.html", {"items": items}, problems=items)


@blp.get("/problems/<code>")
def show_problem(code: str) -> Response:
    problem = PROBLEMS.get(code.replace("-", "_")) or abort(404, "There is no such problem code.")
    return negotiated("problem.html", problem, problem=problem)


@blp.get("/favicon.svg", endpoint="favicon")
@blp.get("/favicon.ico", endpoint="favicon_ico")
def show_favicon() -> AnyResponse:
    return blp.send_static_file("favicon.svg")


@blp.get("/robots.txt")
def show_robots() -> Response:
    """Crawlers read about the API; whoever wants the data takes an export, not page after page."""
    return Response("User-agent: *\nDisallow: /v1/\nAllow: /v1/openapi.json\n", mimetype="text/plain")
