"""Every setting of an installation, read from the environment; docs/settings.md shows the same table."""

import re
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args, get_type_hints

from environs import Env, EnvValidationError, ValidationError, validate
from limits import parse
from platformdirs import user_data_path

PREFIX = "PARLEY_"
WAITERS = 100  # requests that may wait for a change at a time, in each server process


class SettingsError(ValueError):
    """The environment holds values that Parley cannot work with; the message names all of them."""


def rate(value: str) -> None:
    """Refuse what the limiter could not read."""
    try:
        parse(value)
    except ValueError as error:
        raise ValidationError("Must be a number of requests per time, such as 6000/minute.") from error


def places(value: str) -> None:
    """Refuse what is neither the name of a host nor a network."""
    for entry in value.split(","):
        try:
            ip_network(entry.strip())
        except ValueError:
            if not re.fullmatch("[A-Za-z0-9._-]+", entry.strip()):
                raise ValidationError("Must be host names and networks, such as hooks.internal,10.0.0.0/8.") from None


def setting(default: Any, meaning: str, check: Any = None, shown: str | None = None) -> Any:
    """A setting's default, what it means to whoever runs Parley, what values it takes, and its default in words."""
    metadata = {"meaning": meaning, "check": check, "shown": shown or f"`{str(default).lower()}`"}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    data_dir: Path = setting(
        lambda: user_data_path("parley"),
        "Where the embedded PostgreSQL, the development key and other files of this installation live.",
        shown="the platform's user data directory, `~/.local/share/parley` on Linux",
    )
    database_url: str | None = setting(
        None,
        "PostgreSQL 15 or newer that holds the data, as `postgresql://user:password@host/database`.",
        shown="unset: an embedded PostgreSQL in `PARLEY_DATA_DIR`",
    )
    read_database_url: str | None = setting(
        None, "A replica that answers the reads.", shown="unset: the database of the writes"
    )
    host: str = setting("127.0.0.1", "The address that the server listens on; `0.0.0.0` is every address.")
    port: int = setting(8000, "The port that the server listens on.", validate.Range(1, 65535))
    workers: int = setting(2, "Server processes; about one for each processor core.", validate.Range(1, 128))
    threads: int = setting(
        4,
        "Threads of each server process, and at most four times as many connections to the database.",
        validate.Range(1, 64),
    )
    memory: int = setting(
        32,
        "Megabytes that each server process may fill with documents and answers it has given; 0 keeps none.",
        validate.Range(0, 65536),
    )
    shortcut: bool = setting(True, "Whether plain requests are answered in front of Flask, in a fraction of the time.")
    public_read: bool = setting(True, "Whether reading is open to everyone; `false` asks for a key for everything.")
    rate_limit: str = setting("6000/minute", "Requests that one key, or one address without a key, may make.", rate)
    rate_limit_storage: str | None = setting(
        None,
        "A Redis, as `redis://host:6379`, that counts requests for several machines together.",
        shown="unset: counted in the memory of this machine",
    )
    trusted_proxies: int = setting(
        0, "Proxies in front of the server whose `X-Forwarded-*` headers are believed.", validate.Range(0, 9)
    )
    webhook_allow: str | None = setting(
        None,
        "Hosts and networks that webhooks may be sent to though they are not public, also by plain http: "
        "`hooks.internal,10.0.0.0/8`.",
        places,
        shown="unset: public addresses only",
    )
    log_level: str = setting(
        "info",
        "The least important messages still written: `debug`, `info`, `warning` or `error`.",
        validate.OneOf(["debug", "info", "warning", "error"]),
    )


def load() -> Settings:
    """Read the environment; an empty variable counts as unset, as compose files write it."""
    env, kinds = Env(eager=False), get_type_hints(Settings)
    values: dict[str, Any] = {}
    for item in fields(Settings):
        kind = next(iter(get_args(kinds[item.name])), kinds[item.name])
        default = item.default if item.default_factory is MISSING else item.default_factory()
        read = getattr(env, kind.__name__.lower())
        check = item.metadata["check"]
        name = PREFIX + item.name.upper()
        values[item.name] = read(name, default, validate=check) if env.str(name, "") else default
    try:
        env.seal()
    except EnvValidationError as error:
        faults: Any = error.error_messages
        raise SettingsError("; ".join(f"{name}: {' '.join(said)}" for name, said in faults.items())) from error
    return Settings(**values)


def table() -> str:
    """The settings as docs/settings.md shows them."""
    rows = (
        f"| `{PREFIX}{f.name.upper()}` | {f.metadata['shown']} | {f.metadata['meaning']} |" for f in fields(Settings)
    )
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
