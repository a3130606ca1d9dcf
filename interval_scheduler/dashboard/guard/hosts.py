"""The names under which a dashboard answers.

A page of somebody else can have its own name resolved to the address of this server, and would be of the same origin
then. A server that answers to its own names alone is none of its business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ... import InvalidType, InvalidValue

#: A name or an address, and perhaps a port behind it.
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::\d{1,5})?", re.IGNORECASE)
_WORDS: Final = "This dashboard does not answer under that name. Its option of allowed hosts lists those that it has.\n"


def check_hosts(hosts: object) -> frozenset[str]:
    """Check the names that are answered, and return them as `name_of` does.

    Raises:
        InvalidType: they are no sequence of texts.
        InvalidValue: one of them is no name of a host.
    """
    if isinstance(hosts, str) or not isinstance(hosts, Sequence | frozenset | set):
        raise InvalidType("allowed_hosts", f"must be a sequence of names, not {type(hosts).__name__}")
    found = set()
    for each in hosts:
        if not isinstance(each, str):
            raise InvalidType("allowed_hosts", f"must be a sequence of names, not of {type(each).__name__}")
        bare = f"[{each}]" if each.count(":") > 1 and not each.startswith("[") else each
        name = name_of(bare)
        if name is None:
            raise InvalidValue("allowed_hosts", f"has {each!r}, which is no name of a host")
        found.add(name)
    return frozenset(found)


def name_of(header: str | None) -> str | None:
    """Return the name of a header `Host` in small letters, without the port; `None` if it has none."""
    found = _HOST.fullmatch(header or "")
    return None if found is None else found["name"].lower().removesuffix(".")


class Hosts:
    """Answers requests under known names only.

    Args:
        app: the application.
        allowed: the names, as `check_hosts` returns them; empty for all.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if self._allowed and scope["type"] in {"http", "websocket"} and not self._knows(scope):
            if scope["type"] == "http":
                await PlainTextResponse(_WORDS, 421)(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"host"]
        return len(given) == 1 and name_of(given[0].decode("latin-1")) in self._allowed
