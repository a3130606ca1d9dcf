"""Who steers: the person or program whom the log of actions and pauses name."""

from __future__ import annotations

import functools
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..model.steering import LONGEST_ACTOR, ActionKind, Note, check_actor

_ACTOR: ContextVar[str | None] = ContextVar("interval_scheduler_actor", default=None)


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Have the steering calls inside of the block tell that somebody else asked for them, as a dashboard does.

    It holds for the calls of this thread or asyncio task, and of the tasks that it starts in the block, on any
    scheduler; a block inside of another one counts. It says who asks, and checks no right to do so.

    Args:
        actor: who asks, for example an address: 1 to 100 printable characters.

    Raises:
        InvalidValue, InvalidType: `actor` cannot be used.

    Example:
        ```python
        with acting_as("alice@example.com"):
            await scheduler.pause_task("feed:7", reason="the site is down")
        ```
    """
    token = _ACTOR.set(check_actor(actor))
    try:
        yield
    finally:
        _ACTOR.reset(token)


def note(option: str | None, kind: ActionKind, details: str = "", *, prefix: str = "", in_steps: bool = False) -> Note:
    """Make what the log of actions is to say of a call.

    Args:
        option: the option `actor` of the scheduler.
        kind: the name of the call.
        details: its details; without a line break.
        prefix: the prefix of the ids, if it takes one.
        in_steps: True if it takes several requests, which are to be one entry.
    """
    who = _ACTOR.get() or option or _process()
    its_call = secrets.token_hex(8).encode() if in_steps else b""
    return Note(kind, its_call, who.encode(), details.encode(), prefix.encode())


def _process() -> str:
    return f"{_host()}:{os.getpid()}"


@functools.cache
def _host() -> str:
    """Return the name of this host, without what could not stand in a name."""
    name = "".join(character for character in socket.gethostname() if character.isprintable())
    return name[: LONGEST_ACTOR - 20] or "unknown"
