"""The levels of access, from nothing to everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, get_args

from starlette.requests import Request

from ... import InvalidType
from .guests import awaited

#: What somebody may do. `"read"`: look; `"operate"`: run now, pause, resume, revive, cancel; `"admin"`: edit, remove,
#: clear, and change many tasks at once. Each level has the rights of those before it.
Level = Literal["none", "read", "operate", "admin"]

#: Says what the sender of a request may do. It is asked for each request, and may be a plain function too.
Access = Callable[[Request], Awaitable[Level] | Level]

_LEVELS: Final[tuple[Level, ...]] = get_args(Level)


def check_access(access: object) -> None:
    """Check that something can be asked for levels.

    Raises:
        InvalidType: it is no function.
    """
    if not callable(access):
        raise InvalidType("access", f"must be a function of a request, not {type(access).__name__}")


def includes(level: Level, wanted: Level) -> bool:
    """Tell if a level has the rights of another one."""
    return _LEVELS.index(level) >= _LEVELS.index(wanted)


async def level_of(access: Access, request: Request) -> Level:
    """Ask which level the sender of a request has.

    Raises:
        InvalidType: the answer is no level. Nothing is shown then.
    """
    level: Any = await awaited(access(request))
    if not isinstance(level, str) or level not in _LEVELS:
        raise InvalidType("access", f"must return one of {', '.join(map(repr, _LEVELS))}")
    return level
