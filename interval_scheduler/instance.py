"""`RedisInstance`: where one partition lives, as a value and as a URL."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from .errors import ConfigurationError, ConfigurationTypeError

_SCHEMES: Final = ("redis", "rediss", "unix", "memory")
_QUERY_OPTIONS: Final = ("name", "db", "tls_ca_file")
_MOST_DIGITS: Final = 10
_NOT_IN_HOST: Final = frozenset("/@ \t\r\n")
_FORBIDDEN_IN_NAME: Final = frozenset("{}*\0 \t\r\n,")


@dataclass(frozen=True, slots=True)
class RedisInstance:
    """One Redis database, which is one partition.

    Args:
        host: host name or address. Default `"localhost"`.
        port: 1 to 65535; digits in a string are taken too. Default 6379.
        db: the number of the database. Default 0.
        username: for Redis ACLs. Default none.
        password: never shown in any message, log line or repr. Default none.
        tls: encrypt, and verify the server's certificate. Default False.
        tls_ca_file: path of the certificates to trust, PEM. Default: those of the system.
        socket_path: path of a Unix socket, instead of host and port.
        name: what the partition is called in keys and placement. Default: its address. Give a name where the
            address may change: tasks are found by it.
        memory: use the embedded engine instead of a server; the value names the in-process store
            (`""`: one of this scheduler alone).

    Raises:
        ConfigurationError: a bad value; the message names the field.
    """

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_ca_file: str | None = None
    socket_path: str | None = None
    name: str | None = None
    memory: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.host, str):
            raise ConfigurationTypeError("host", f"must be a str, not {type(self.host).__name__}")
        if not self.host or _NOT_IN_HOST.intersection(self.host):
            raise ConfigurationError("host", "must be a host name or an address; give a URL to RedisInstance.from_url")
        object.__setattr__(self, "port", _digits("port", self.port))
        object.__setattr__(self, "db", _digits("db", self.db))
        if not 1 <= self.port <= 65535:
            raise ConfigurationError("port", f"must be from 1 to 65535, got {self.port}")
        if not 0 <= self.db <= 1_000_000:
            raise ConfigurationError("db", f"must be at least 0, got {self.db}")
        for option in ("username", "password", "tls_ca_file", "socket_path", "name", "memory"):
            value = getattr(self, option)
            if value is not None and not isinstance(value, str):
                raise ConfigurationTypeError(option, f"must be a str, not {type(value).__name__}")
        if not isinstance(self.tls, bool):
            raise ConfigurationTypeError("tls", "must be True or False")
        self._check_tls()
        name = self.partition_name
        if "://" in name:
            # It stands in keys and messages, and a URL may have a password.
            raise ConfigurationError("name", "must not be a URL: it is shown in messages")
        if not 0 < len(name) <= 256 or not name.isascii() or _FORBIDDEN_IN_NAME.intersection(name) or name[0] == ":":
            raise ConfigurationError(
                "name",
                f"must be 1 to 256 ASCII characters, none of {{ }} * , or blank, the first not a colon: {name!r}",
            )

    def _check_tls(self) -> None:
        if self.tls and self.socket_path is not None:
            raise ConfigurationError("tls", "cannot be combined with socket_path")
        if self.tls_ca_file is not None and not self.tls:
            raise ConfigurationError("tls_ca_file", "needs tls=True (rediss://)")
        if self.tls_ca_file is not None and not os.path.isfile(self.tls_ca_file):  # noqa: PTH113 - a plain check
            raise ConfigurationError("tls_ca_file", f"is not a file: {self.tls_ca_file}")

    @property
    def address(self) -> str:
        """Where it is, e.g. `localhost:6379/0`; shows no secret."""
        if self.memory is not None:
            return f"memory:{self.memory}/{self.db}"
        if self.socket_path is not None:
            return f"{self.socket_path}/{self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.db}"

    @property
    def partition_name(self) -> str:
        """What the partition is called: its `name`, else its address."""
        return self.address if self.name is None else self.name

    @classmethod
    def from_url(cls, url: str) -> RedisInstance:
        """The instance that a URL names.

        Args:
            url: `redis://[[user]:password@]host[:port][/db]`, `rediss://…` (TLS), `unix:///path.sock?db=0`,
                or `memory://[store]`; `?name=…` names the partition, `?tls_ca_file=…` the trusted certificates.

        Raises:
            ConfigurationError: another scheme, a bad port or database, an unknown option.
        """
        if not isinstance(url, str):
            raise ConfigurationTypeError("url", f"must be a str, not {type(url).__name__}")
        parts, port = _split(url)
        options = _query(parts)
        if parts.scheme == "memory":
            if parts.path not in ("", "/"):
                raise ConfigurationError("url", "memory://store takes no path")
            return cls(memory=parts.netloc, db=_digits("db", options.get("db", 0)), name=options.get("name"))
        common: dict[str, Any] = {
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "tls_ca_file": options.get("tls_ca_file"),
            "name": options.get("name"),
        }
        path = parts.path.strip("/")
        if parts.scheme == "unix":
            if not path:
                raise ConfigurationError("url", "unix:// needs the path of a socket")
            return cls(socket_path=unquote(parts.path), db=_digits("db", options.get("db", 0)), **common)
        if path and "db" in options:
            raise ConfigurationError("db", "is given twice: in the path and as an option")
        return cls(
            host=parts.hostname or "localhost",
            port=6379 if port is None else port,
            db=_digits("db", path or options.get("db", 0)),
            tls=parts.scheme == "rediss",
            **common,
        )


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError("url", "cannot be read: its host is malformed") from None
    if parts.scheme not in _SCHEMES:
        raise ConfigurationError("url", f"must start with one of {', '.join(f'{s}://' for s in _SCHEMES)}")
    if parts.fragment:
        raise ConfigurationError("url", "must not have a fragment (#...): encode a # in a password as %23")
    try:
        return parts, parts.port
    except ValueError:
        raise ConfigurationError("port", "must be a whole number from 1 to 65535") from None


def _query(parts: SplitResult) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in _QUERY_OPTIONS:
            # What stands there may be the rest of a password that was not encoded: shown only if it looks like a name.
            shown = repr(key) if key.isidentifier() else "(not shown)"
            raise ConfigurationError(f"url option {shown}", f"is unknown; known: {', '.join(_QUERY_OPTIONS)}")
        if key in options:
            raise ConfigurationError(f"url option {key!r}", "is given twice")
        options[key] = value
    return options


def _digits(option: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigurationTypeError(option, f"must be a whole number, not {type(value).__name__}")
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        # As above: a password with a slash in it ends up here.
        shown = f", got {value!r}" if value.isalnum() and len(value) <= _MOST_DIGITS else ""
        raise ConfigurationError(option, f"must be a whole number{shown}")
    return int(value)
