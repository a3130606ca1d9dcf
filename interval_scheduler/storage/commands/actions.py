"""Commands that read who steered what, and that note it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ...model.steering import Note
from ...model.wire import moment_of
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.loader import Script
from ..scripts.ports import Argument, ScriptRunner


class LogPage(NamedTuple):
    """Entries of the log of one partition, the newest first, and their numbers; `may_follow`: there are older ones."""

    entries: Sequence[bytes]
    numbers: Sequence[int]
    may_follow: bool


async def read(partition: ScriptRunner, before: int | None, limit: int) -> LogPage:
    """Read a page of the log: what is older than the entry of that number."""
    reply: list[Any] = await partition.read(
        scripts.ACTIONS, partition.keys.of[scripts.ACTIONS], (b"" if before is None else before, limit)
    )
    entries, numbers, may_follow = reply
    return LogPage(entries, [moment_of(number) for number in numbers], may_follow == 1)


async def read_pause(partition: ScriptRunner) -> bytes:
    """Read since when a partition is paused, by whom and why; empty while it is not."""
    reply: bytes = await partition.read(scripts.PAUSED, partition.keys.of[scripts.PAUSED], ())
    return reply


class Changeable(Protocol):
    """A partition, as far as `note` needs it."""

    @property
    def keys(self) -> Keys:
        """The names of its keys."""

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that anybody may repeat without effect."""


async def note(partition: Changeable, what: Note, count: int, raw_id: bytes = b"") -> None:
    """Note how many tasks a call of several requests concerns so far; of a single task its id."""
    await partition.change(scripts.NOTE_ACTION, partition.keys.of[scripts.NOTE_ACTION], (count, raw_id, *what.words))
