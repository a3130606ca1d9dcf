"""Plans by which a socket carries out the commands of scripts: one for each command and number of arguments."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fakeredis import _msgs as messages
from fakeredis._commands import COMMANDS_WITH_SUB, SUPPORTED_COMMANDS, Key, Signature
from fakeredis._helpers import SimpleError

#: The version of the server, as fakeredis counts.
VERSION: Final = (7,)
#: The kind of the server, as fakeredis names it.
KIND: Final = "redis"
#: Commands with one of these flags take fakeredis's way.
_UNUSUAL: Final = {messages.FLAG_NO_SCRIPT, messages.FLAG_SKIP_CONVERT_TO_RESP2}
#: The most plans that are kept. The scripts call some 30 commands, each with few numbers of arguments, but for batches.
_MOST_PLANS: Final = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a command with a certain number of arguments; each number in it is the place of an argument."""

    #: The name of the method of a socket.
    method: str
    #: The arguments that are not text, each with the function that reads it; or, for a key, `None` and the reply that
    #: is given at once if there is no such key.
    readings: Sequence[tuple[int, Callable[[bytes], Any] | None, Any]]
    #: The keys, each with the type that its value must have, and what makes a new value; either may be `None`.
    keys: Sequence[tuple[int, type[Any] | None, Callable[[], Any] | None]]
    #: False if a value that is empty afterwards is kept.
    removes_empty: bool


@functools.lru_cache(_MOST_PLANS)
def plan_of(name: bytes, count: int) -> Plan | None:
    """Return the plan for a command with so many arguments; `None` if fakeredis has to do it, or to refuse it."""
    word = name.decode(errors="replace").lower()
    signature = SUPPORTED_COMMANDS.get(word)
    if signature is None or word in COMMANDS_WITH_SUB or KIND not in signature.server_types:
        return None
    if signature.flags & _UNUSUAL:
        return None
    try:
        signature.check_arity([b""] * count, VERSION)
    except SimpleError:
        return None
    kinds = _kinds_of(signature, count)
    keys = [(at, kind) for at, kind in kinds if isinstance(kind, Key)]
    creates = messages.FLAG_DO_NOT_CREATE not in signature.flags
    return Plan(
        signature.func_name,
        tuple(_readings(kinds)),
        tuple((at, key.type_, key.type_ if creates and key.type_ is not bytes else None) for at, key in keys),
        messages.FLAG_LEAVE_EMPTY_VAL not in signature.flags,
    )


def _kinds_of(signature: Signature, count: int) -> list[tuple[int, Any]]:
    """List the arguments that are not plain text, with their places."""
    kinds: list[Any] = list(signature.fixed)
    if any(kind is not bytes for kind in signature.repeat):
        rest: Any = itertools.cycle(signature.repeat)
        kinds += itertools.islice(rest, count - len(kinds))
    return [(at, kind) for at, kind in enumerate(kinds) if kind is not bytes]


def _readings(kinds: list[tuple[int, Any]]) -> Iterator[tuple[int, Callable[[bytes], Any] | None, Any]]:
    for at, kind in kinds:
        if not isinstance(kind, Key):
            yield at, kind.decode, None
        elif kind.missing_return is not Key.UNSPECIFIED:
            yield at, None, kind.missing_return
