"""The application: create_app() is all a server needs."""

from importlib import import_module
from types import ModuleType
from typing import Any

from flask import Flask

import db
import settings
from api import http, limits, operations, pages, shortcut
from api.spec import Api

RESOURCES = [
    "actors",
    "people",
    "sources",
    "processes",
    "rounds",
    "delegations",
    "pledges",
    "transactions",
    "statements",
    "documents",
    "meetings",
    "claims",
    "search",
    "batches",
    "changes",
    "webhooks",
    "exports",
    "coverage",
    "citations",
    "calendar",
    "me",
]


def resources() -> list[ModuleType]:
    """All of them; with them, whoever writes knows all types of records."""
    return [import_module(f"api.{name}") for name in RESOURCES]


def create_app(**config: Any) -> Flask:
    """The WSGI application, set up by the environment (see docs/settings.md) and, before it, by ``config``."""
    app = Flask(__name__)
    app.config.update({name.upper(): value for name, value in vars(settings.load()).items()} | config)
    db.init_app(app)
    shortcut.init_app(app)
    operations.init_app(app)
    http.init_app(app)
    app.before_request(http.authenticate)
    limits.init_app(app)
    app.before_request(http.admit)
    pages.init_app(app)
    api = Api(app)
    for resource in resources():
        api.register_blueprint(resource.blp)
    return app


def close(app: Flask) -> None:
    """Give back what an application holds: its helper process, if it has one, and its connections."""
    if "apart" in app.extensions:
        app.extensions["apart"].rest()
    db.close(app)
