"""Write openapi.json anew from the routes and schemas: python -m openapi"""

from pathlib import Path

from api import create_app
from api.spec import dumps, published

COMMITTED = Path(__file__).with_name("openapi.json")

if __name__ == "__main__":
    COMMITTED.write_text(dumps(published(create_app())), encoding="utf-8")
