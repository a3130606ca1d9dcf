"""The protocols by which the parts of a partition know the partition, and the detour for the time while it is away.

Each part names the least that it needs. So a part can stand below the partition in the order of imports, and a test can
replace the partition by something simple.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NoReturn, Protocol

from ...errors import StorageError
from ...model.assignment import NeverRuns
from ...support.broadcast import Broadcast
from .keys import Keys
from .loader import Script

Argument = bytes | int
PartitionState = Literal["connecting", "online", "offline", "closed"]


class ScriptRunner(Protocol):
    """A partition on which scripts run. For `requests/session.py` and the typed functions in `commands/`."""

    @property
    def name(self) -> str:
        """The name of the partition."""

    @property
    def keys(self) -> Keys:
        """The names of its keys."""

    @property
    def stamp(self) -> bytes:
        """The text that requests carry: the epoch of this scheduler's list, a colon, and the birth of the database."""

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once; raise the client's errors as they are."""

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes nothing; send it again until a reply comes."""

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that anybody may repeat without effect; send it again until a reply comes."""


class RequestItems(Protocol):
    """The items of a request, each with a caller who may give up. `requests/callers.py` implements it."""

    def end_without_any(self) -> AbstractContextManager[None]:
        """End the block early once no caller waits any more."""

    def again(self, args: Sequence[Argument]) -> Sequence[Argument] | None:
        """Return the arguments of a repetition, from those of the first attempt; None if no caller waits any more."""


class Sender(Protocol):
    """Sends a numbered request until it is answered."""

    async def request(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        retry_for_seconds: float,
        replicas: int = 0,
        items: RequestItems | None = None,
    ) -> Any:
        """Run a script that recognizes a repeated request; repeat it until a reply comes or the time is over."""


class Addressable(ScriptRunner, Protocol):
    """A partition to which numbered requests can be sent. For `requests/session.py`."""

    @property
    def sender(self) -> Sender:
        """The sender of its requests."""


class Breakable(Protocol):
    """Since when a server is surely the same one."""

    def note_break(self) -> None:
        """Have it begin anew now: another server may answer from now on."""


class Reachable(Addressable, Protocol):
    """A partition that can be lost and come back. For its sender, its handshake and its hints."""

    @property
    def state(self) -> PartitionState:
        """The state of the connection."""

    @property
    def problem(self) -> StorageError | None:
        """The reason why the partition cannot be reached; None if it can."""

    def require_online(self, *, with_any_list: bool = False) -> None:
        """Raise unless the partition can be reached."""

    async def wait_online(self) -> None:
        """Wait until the partition can be reached."""

    async def wait_enrolled(self) -> None:
        """Wait until the handshake was made anew; raise if there is nothing to enroll in."""

    async def now_ms(self) -> int:
        """Estimate the time of its server, epoch ms."""

    @property
    def due_times(self) -> Broadcast[int]:
        """The listeners for due times, ms."""

    def announce(self, due_ms: int) -> None:
        """Tell of a due time, ms."""

    def go_offline(self, problem: StorageError | None = None) -> None:
        """Mark the partition as offline: it does not answer, for this reason."""

    @property
    def unbroken(self) -> Breakable:
        """Since when the server is surely the same one."""

    def report_lost(self) -> None:
        """Report that the connection does not work."""

    def give_up(self) -> None:
        """Go offline and report the connection lost."""

    def enroll_anew(self) -> None:
        """Make the handshake anew without a delay: the database is not the one in which this scheduler enrolled."""

    async def leave_for_good(self) -> NoReturn:
        """Stop using the partition: its list of partitions was changed."""


class HasDetour(Reachable, Protocol):
    """A partition that may have a detour for changes. For its batchers."""

    @property
    def detour(self) -> Detour | None:
        """The detour; None if hints are off."""


class Detour(Protocol):
    """The way that changes take while their partition is away. `topology/handoff.py` implements it."""

    @property
    def in_between(self) -> bool:
        """True if changes must go through the detour: the partition is offline, or hints wait."""

    async def assign(self, changes: Sequence[Any], writer: bytes, callers: Any) -> Sequence[bool | NeverRuns]:
        """Keep assignments until the partition is back; `writer` outdates what their sender sent to it before."""

    async def remove(self, ids: Sequence[bytes], writer: bytes, callers: Any) -> Sequence[Any]:
        """Keep removals until the partition is back; `writer` outdates what their sender sent to it before."""

    async def look(self, ids: Sequence[bytes]) -> Sequence[Any]:
        """Look tasks up, first in the hints."""

    async def quotas(self) -> Any:
        """Read the quotas that hold, from the partition that decides them."""

    async def passable(self) -> bool:
        """Apply the waiting hints if the partition is online; tell if it can be used now."""

    def require(self) -> None:
        """Raise unless changes can be kept."""

    def assume(self) -> None:
        """Assume that other schedulers wrote hints: the partition was away."""

    async def catch_up(self) -> None:
        """Apply the waiting hints before the partition goes online."""
