"""URLs, read into the fields of `RedisInstance`. Pure; no message shows a text that may be part of a password."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..errors import ConfigurationError, ConfigurationTypeError

#: Each scheme with the options that it takes after the question mark.
_OPTIONS: Final = {
    "redis": ("name", "db", "tls_ca_file"),
    "rediss": ("name", "db", "tls_ca_file"),
    "unix": ("name", "db"),
    "memory": ("name", "db"),
    "redis+sentinel": ("name", "db", "tls_ca_file", "sentinel_username", "sentinel_password"),
    "rediss+sentinel": ("name", "db", "tls_ca_file", "sentinel_username", "sentinel_password"),
    "redis+cluster": ("partitions", "tls_ca_file"),
    "rediss+cluster": ("partitions", "tls_ca_file"),
}
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_MOST_DIGITS: Final = 10


class Parsed(NamedTuple):
    """The parts of a URL."""

    fields: dict[str, Any]
    """Fields of `RedisInstance`."""
    partitions: int | None
    """The number of partitions of a cluster; `None`: the URL names no cluster."""


def parse(url: object) -> Parsed:
    """Read a URL.

    Raises:
        ConfigurationError: another scheme, a bad port or database, an unknown option.
        ConfigurationTypeError: not a str.
    """
    if not isinstance(url, str):
        raise ConfigurationTypeError("url", f"must be a str, not {type(url).__name__}")
    parts = _split(url)
    options = _query(parts)
    path = parts.path.strip("/")
    credentials, _, netloc = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    common: dict[str, Any] = {
        "username": unquote(username) or None,
        "password": unquote(password) or None,
        "tls_ca_file": options.get("tls_ca_file"),
        "name": options.get("name"),
    }
    kind = parts.scheme.partition("+")[2] or parts.scheme
    if kind == "memory":
        if path:
            raise ConfigurationError("url", "memory://store takes no path")
        return Parsed({"memory": parts.netloc, "db": digits("db", options.get("db", 0)), "name": common["name"]}, None)
    if kind == "unix":
        if not path:
            raise ConfigurationError("url", "unix:// needs the path of a socket")
        return Parsed({"socket_path": unquote(parts.path), "db": digits("db", options.get("db", 0)), **common}, None)
    common["tls"] = parts.scheme.startswith("rediss")
    if kind == "cluster":
        if path:
            raise ConfigurationError("db", "cannot be chosen in a cluster: it has only one")
        common["cluster"] = _nodes(netloc, _PORT)
        return Parsed(common, digits("partitions", options.get("partitions", 16)))
    if kind == "sentinel":
        service, _, path = path.partition("/")
        common |= {
            "sentinels": _nodes(netloc, _SENTINEL_PORT),
            "service": unquote(service) or None,
            "sentinel_username": options.get("sentinel_username"),
            "sentinel_password": options.get("sentinel_password"),
        }
    else:
        host, port = _address(netloc)
        common |= {"host": host or "localhost", "port": _PORT if port is None else port}
    if path and "db" in options:
        raise ConfigurationError("db", "is given twice: in the path and as an option")
    return Parsed({"db": digits("db", path or options.get("db", 0)), **common}, None)


def digits(option: str, value: object) -> int:
    """Return a whole number, also from the digits of a string.

    Raises:
        ConfigurationError, ConfigurationTypeError: the value is no whole number.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigurationTypeError(option, f"must be a whole number, not {type(value).__name__}")
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        # The rest of a password with a slash in it ends up here.
        shown = f", got {value!r}" if value.isalnum() and len(value) <= _MOST_DIGITS else ""
        raise ConfigurationError(option, f"must be a whole number{shown}")
    return int(value)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError("url", "cannot be read: its host is malformed") from None
    if parts.scheme not in _OPTIONS:
        raise ConfigurationError("url", f"must start with one of {', '.join(f'{scheme}://' for scheme in _OPTIONS)}")
    if parts.fragment:
        raise ConfigurationError("url", "must not have a fragment (#...): encode a # in a password as %23")
    return parts


def _address(netloc: str) -> tuple[str | None, int | None]:
    """Return the host and the port of one address; each may be missing."""
    try:
        parts = urlsplit(f"//{netloc}")
    except ValueError:
        raise ConfigurationError("url", "cannot be read: its host is malformed") from None
    try:
        return parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError("port", "must be a whole number from 1 to 65535") from None


def _nodes(netloc: str, default_port: int) -> tuple[str, ...]:
    """Return the addresses that commas separate, as `host:port` each."""
    nodes = []
    for node in netloc.split(","):
        host, port = _address(node)
        if host is None:
            raise ConfigurationError("url", "must name the host of each node, by commas")
        nodes.append(f"{f'[{host}]' if ':' in host else host}:{default_port if port is None else port}")
    return tuple(nodes)


def _query(parts: SplitResult) -> dict[str, str]:
    known = _OPTIONS[parts.scheme]
    options: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in known:
            # The key may be the rest of a password that was not encoded: it is shown only if it looks like a name.
            shown = repr(key) if key.isidentifier() else "(not shown)"
            raise ConfigurationError(f"url option {shown}", f"is unknown; known: {', '.join(known)}")
        if key in options:
            raise ConfigurationError(f"url option {key!r}", "is given twice")
        options[key] = value
    return options
