"""The `parley` command, as a person at a terminal runs it."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from cli import main


@pytest.fixture
def parley() -> Callable[..., Result]:
    """Runs a command: `parley("keys", "list", PARLEY_DATABASE_URL=...)`."""

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environment)

    return run
