"""Who asks, for the log of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request

from ... import InvalidType
from .guests import awaited

#: Names the sender of a request. It is asked for each action, and may be a plain function too.
Actor = Callable[[Request], Awaitable[str] | str]

_LONGEST: Final = 100


def check_actor(actor: object) -> None:
    """Check that something can be asked for names.

    Raises:
        InvalidType: it is neither a function nor `None`.
    """
    if actor is not None and not callable(actor):
        raise InvalidType("actor", f"must be a function of a request or None, not {type(actor).__name__}")


async def actor_of(actor: Actor | None, request: Request) -> str:
    """Return the name of the sender: what `actor` says, else that of the user, else the address of the client.

    Raises:
        InvalidType: `actor` gave no text.
    """
    if actor is None:
        return _printable(_user_of(request) or (request.client.host if request.client else "")) or "somebody"
    name: Any = await awaited(actor(request))
    if not isinstance(name, str):
        raise InvalidType("actor", f"must return a str, not {type(name).__name__}")
    return _printable(name) or "somebody"


def _user_of(request: Request) -> str:
    """Return the name of the user that a middleware of the application has found."""
    user = request.scope.get("user")
    if not getattr(user, "is_authenticated", False):
        return ""
    for attribute in ("display_name", "username"):  # those of Starlette, and of Django
        name = getattr(user, attribute, None)
        if isinstance(name, str) and name:
            return name
    return ""


def _printable(name: str) -> str:
    return "".join(each for each in name if each.isprintable())[:_LONGEST]
