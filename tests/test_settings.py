"""The settings are what their table says, and nonsense is refused with all its names."""

from pathlib import Path

import pytest

import settings

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in settings.load().__dataclass_fields__:
        monkeypatch.delenv(f"PARLEY_{name.upper()}", raising=False)


def test_the_documented_table_is_the_real_one():
    assert settings.table() in DOCS.read_text(), "write the output of `python settings.py` into docs/settings.md"


def test_defaults():
    chosen = settings.load()
    assert (chosen.host, chosen.port, chosen.public_read, chosen.database_url) == ("127.0.0.1", 8000, True, None)
    assert chosen.data_dir.name == "parley"


def test_values_are_read_as_what_they_are(monkeypatch):
    given = {"DATA_DIR": "/tmp/x", "PORT": "9000", "PUBLIC_READ": "false", "DATABASE_URL": "postgresql:///x"}
    for name, value in given.items():
        monkeypatch.setenv(f"PARLEY_{name}", value)
    chosen = settings.load()
    assert (chosen.data_dir, chosen.port, chosen.public_read) == (Path("/tmp/x"), 9000, False)
    assert chosen.database_url == "postgresql:///x"


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("PARLEY_PORT", "")
    monkeypatch.setenv("PARLEY_DATABASE_URL", "")
    assert (settings.load().port, settings.load().database_url) == (8000, None)


def test_all_faults_are_named_at_once(monkeypatch):
    given = {"PORT": "70000", "WORKERS": "0", "PUBLIC_READ": "perhaps", "LOG_LEVEL": "loud", "RATE_LIMIT": "often"}
    for name, value in given.items():
        monkeypatch.setenv(f"PARLEY_{name}", value)
    with pytest.raises(settings.SettingsError) as refused:
        settings.load()
    for name in given:
        assert f"PARLEY_{name}: " in str(refused.value)
