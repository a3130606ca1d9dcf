"""URLs, read into the fields of `RedisInstance`. Pure; no error shows or keeps a text that may be part of a password.

A password that was not percent-encoded moves the borders of all other parts. So no text of a URL stands in a message,
every `@` behind the host is refused, and no error is raised while another one is handled: that one, with its text,
would stay reachable as `__context__`. `urlsplit` is not used, because its errors quote the URL.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Collection
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from ..errors import ConfigurationError, ConfigurationTypeError
from .folders import folder_of

_TLS: Final = ("tls_ca_file", "tls_cert_file", "tls_key_file")
#: Each scheme with the options that it takes after the question mark.
_OPTIONS: Final = {
    "redis": ("name", "db", *_TLS),
    "rediss": ("name", "db", *_TLS),
    "unix": ("name", "db"),
    "memory": ("name", "db"),
    "local": ("name", "db"),
    "redis+sentinel": ("name", "db", *_TLS, "sentinel_username", "sentinel_password"),
    "rediss+sentinel": ("name", "db", *_TLS, "sentinel_username", "sentinel_password"),
    "redis+cluster": ("partitions", *_TLS),
    "rediss+cluster": ("partitions", *_TLS),
}
#: Names that people write after the question mark: options of any scheme, of the calls of this library, and of the
#: URLs of other clients. Who reads one of them, or one that is close to it, learns no password.
_WORDS: Final = frozenset(option for options in _OPTIONS.values() for option in options) | {
    *("namespace", "concurrency", "username", "password", "host", "port", "tls", "ssl", "protocol", "encoding"),
    *("timeout", "socket_timeout", "socket_connect_timeout", "socket_keepalive", "decode_responses", "client_name"),
    *("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname", "max_connections"),
    *("health_check_interval", "retry_on_timeout", "retry_on_error"),
}
_CREDENTIALS: Final = frozenset({"sentinel_username", "sentinel_password"})
#: How much of two names is alike, from 0 to 1, if one is a slip of the other.
_CLOSE: Final = 0.8
#: What the name of an option looks like.
_NAME: Final = re.compile(r"[a-z][a-z_]{0,39}")
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_MOST_DIGITS: Final = 10
_PARTS: Final = re.compile(r"([^:/?#]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
#: Python's own parser drops these too; the newline behind a secret that was read from a file is one.
_DROPPED: Final = str.maketrans("", "", "\t\r\n")


class _Parts(NamedTuple):
    """A URL, cut at its borders."""

    scheme: str
    netloc: str
    path: str
    query: str


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
    credentials, at, netloc = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    common: dict[str, Any] = {
        "username": unquote(username) or None,
        "password": unquote(password) or None,
        **{option: options.get(option) for option in _TLS},
        "name": options.get("name"),
    }
    kind = parts.scheme.partition("+")[2] or parts.scheme
    if kind == "local":
        folder = folder_of(netloc, parts.path, has_credentials=bool(at))
        return Parsed({"db": digits("db", options.get("db", 0)), "folder": folder, "name": common["name"]}, None)
    if kind in ("memory", "unix"):
        _check_local(kind, path, netloc, has_credentials=bool(at))
        place = {"memory": netloc, "name": common["name"]}
        if kind == "unix":
            place = {"socket_path": unquote(parts.path), **common}
        return Parsed({"db": digits("db", options.get("db", 0)), **place}, None)
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


def _check_local(kind: str, path: str, netloc: str, *, has_credentials: bool) -> None:
    if kind == "unix":
        if not path:
            raise ConfigurationError("url", "unix:// needs the path of a socket")
        if netloc:
            raise ConfigurationError("url", "unix:// takes no host: write unix:///path, or unix://:password@/path")
    elif path:
        raise ConfigurationError("url", "memory://store takes no path")
    elif has_credentials:
        raise ConfigurationError("url", "memory://store takes no user name and no password")


def digits(option: str, value: object) -> int:
    """Return a whole number, also from the digits of a string.

    Raises:
        ConfigurationError, ConfigurationTypeError: the value is no whole number. The message does not show it: the rest
            of a password with a slash in it, or the wrong environment variable, ends up here.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigurationTypeError(option, f"must be a whole number, not {type(value).__name__}")
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        raise ConfigurationError(option, "must be a whole number (the value is not shown)")
    return int(value)


def _split(url: str) -> _Parts:
    found = _PARTS.fullmatch(url.strip().translate(_DROPPED))
    scheme = found[1].lower() if found else ""
    if found is None or scheme not in _OPTIONS:
        raise ConfigurationError("url", f"must start with one of {', '.join(f'{scheme}://' for scheme in _OPTIONS)}")
    netloc, path, query, fragment = found[2], found[3], found[4] or "", found[5] or ""
    if "@" in path + query + fragment:
        raise ConfigurationError(
            "url",
            "has an @ behind its host: encode / as %2F, ? as %3F, # as %23 and @ as %40 in user names and passwords, "
            "and @ in a path or an option too",
        )
    if fragment:
        raise ConfigurationError("url", "must not have a fragment (#...): encode a # in a password as %23")
    return _Parts(scheme, netloc, path, query)


def _address(netloc: str) -> tuple[str | None, int | None]:
    """Return the host and the port of one address; each may be missing."""
    if netloc.startswith("["):
        host, closed, rest = netloc[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")) or not _is_ipv6(host):
            raise ConfigurationError("url", "cannot be read: its host is malformed")
        port = rest[1:]
    else:
        host, _, port = netloc.partition(":")
        if "[" in host or "]" in host:
            raise ConfigurationError("url", "cannot be read: its host is malformed")
    if port and not (port.isascii() and port.isdigit() and len(port) <= _MOST_DIGITS and int(port) <= 65535):
        raise ConfigurationError("port", "must be a whole number from 1 to 65535")
    name, percent, zone = host.partition("%")
    return name.lower() + percent + zone or None, int(port) if port else None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _nodes(netloc: str, default_port: int) -> tuple[str, ...]:
    """Return the addresses that commas separate, as `host:port` each."""
    nodes = []
    for node in netloc.split(","):
        host, port = _address(node)
        if host is None:
            raise ConfigurationError("url", "must name the host of each node, by commas")
        nodes.append(f"{f'[{host}]' if ':' in host else host}:{default_port if port is None else port}")
    return tuple(nodes)


def _query(parts: _Parts) -> dict[str, str]:
    known = _OPTIONS[parts.scheme]
    options: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            shown = "(not shown)" if _may_be_secret(key, parts, options) else repr(key)
            raise ConfigurationError(f"url option {shown}", f"is unknown; {hint}known: {', '.join(known)}")
        if key in options:
            raise ConfigurationError(f"url option {key!r}", "is given twice")
        options[key] = value
    return options


def _may_be_secret(name: str, parts: _Parts, before: Collection[str]) -> bool:
    """Tell if the name of an unknown option may be the rest of a password that was not encoded.

    The name of an option is no secret, but what looks like one may be none. It may be the rest of a password with a `?`
    in it if no `@` has ended that one: `redis://me:12?rest` reads as a host with a port and an option. It may be the
    rest of one with an `&` in it if an option in front of it takes credentials. Even there, a word that everybody knows
    is shown, and a slip of one. What has other characters than names of options have is shown nowhere, nor is a value.

    Args:
        name: the name.
        parts: the parts of the URL.
        before: the options in front of it.
    """
    is_open = ":" in parts.netloc and "@" not in parts.netloc
    if not is_open and not _CREDENTIALS.intersection(before) and _NAME.fullmatch(name):
        return False
    return not difflib.get_close_matches(name, _WORDS, n=1, cutoff=_CLOSE)
