"""Commands that read and change quotas, and take tokens of the rate of the namespace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ...model.quotas import Quotas, Rate
from ...model.steering import NO_NOTE, Note
from ...model.wire import readable, whole
from ..requests.session import Requests
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.loader import Script
from ..scripts.ports import Argument, ScriptRunner


class QuotaChange(NamedTuple):
    """Quotas to put, and the revision that must hold before; `None` for any smaller one."""

    quotas: Quotas
    expected: int | None = None
    #: What the log of actions is to say of it; `None`: nothing.
    note: Note | None = None


class Taken(NamedTuple):
    """The number of tokens that were taken, and after how many ms there are some; 0 if that was all that was wanted."""

    tokens: int
    wait_ms: int


async def read(partition: ScriptRunner) -> Quotas:
    """Read the quotas that a partition has."""
    reply: list[Any] = await partition.read(scripts.QUOTAS, partition.keys.of[scripts.QUOTAS], ())
    revision, rate, rates, caps = reply
    return Quotas(
        int(revision),
        Rate.decode(rate),
        {readable(group): found for group, text in _pairs(rates) if (found := Rate.decode(text)) is not None},
        {readable(group): whole(cap) or 0 for group, cap in _pairs(caps)},
    )


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


async def put(session: Requests, partition: ScriptRunner, change: QuotaChange) -> bool:
    """Put quotas. Return False if others were put meanwhile."""
    quotas = change.quotas
    args: list[Argument] = [
        partition.keys.wake,
        quotas.revision,
        b"" if change.expected is None else change.expected,
        b"" if quotas.rate is None else quotas.rate.encode(),
        len(quotas.rates),
        *(NO_NOTE if change.note is None else change.note.words),
    ]
    for group, rate in quotas.rates.items():
        args += (group.encode(), rate.encode())
    for group, cap in quotas.caps.items():
        args += (group.encode(), cap)
    return bool(await session.request(scripts.PUT_QUOTAS, partition.keys.of[scripts.PUT_QUOTAS], args) == b"1")


class Changeable(Protocol):
    """A partition, as far as `note_backlogs` needs it."""

    @property
    def keys(self) -> Keys:
        """The names of its keys."""

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that anybody may repeat without effect."""


async def note_backlogs(partition: Changeable) -> None:
    """Let claims look anew at all groups that have parked tasks."""
    after = b""
    keys = partition.keys.of[scripts.NOTE_BACKLOGS]
    while True:
        after = await partition.change(scripts.NOTE_BACKLOGS, keys, (partition.keys.wake, after))
        if not after:
            return


async def take_tokens(session: Requests, partition: ScriptRunner, wanted: int, back: int) -> Taken:
    """Take up to `wanted` tokens from the master, and put `back` unused ones back."""
    reply: bytes = await session.request(scripts.TAKE_TOKENS, partition.keys.of[scripts.TAKE_TOKENS], (wanted, back))
    tokens, _, wait = reply.partition(b" ")
    return Taken(int(tokens), int(wait))
