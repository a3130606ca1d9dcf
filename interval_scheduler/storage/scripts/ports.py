"""What the parts of a partition ask of it, and of what stands in for it while it is away. Protocols only.

Each part names the least that it needs. So it stands below the partition in the order of imports, and a test can put
something simple in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NoReturn, Protocol

from ...errors import StorageError
from .keys import Keys
from .loader import Script

Argument = bytes | int
PartitionState = Literal["connecting", "online", "offline", "closed"]


class ScriptRunner(Protocol):
    """Runs scripts on one partition. For `session.py` and the typed functions in `commands/`."""

    @property
    def name(self) -> str:
        """What the partition is called."""

    @property
    def keys(self) -> Keys:
        """The names of its keys."""

    @property
    def epoch(self) -> int:
        """The number of the list of partitions that its sender has."""

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Once, as it is; raises the client's errors."""

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Until it is answered; for scripts that change nothing."""

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Until it is answered; for scripts that change nothing more if repeated by anybody."""

    async def request(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        patience_seconds: float,
        replicas: int = 0,
    ) -> Any:
        """Until it is answered or patience ends; for scripts that know a repeated request."""


class Reachable(ScriptRunner, Protocol):
    """A partition that can be lost and come back. For what sends to it, greets it and hands changes over to it."""

    @property
    def state(self) -> PartitionState:
        """Whether it can be reached."""

    @property
    def problem(self) -> StorageError | None:
        """Why it cannot."""

    def require_online(self, *, with_any_list: bool = False) -> None:
        """Raise unless it can be reached."""

    async def wait_online(self) -> None:
        """Wait until it can be reached."""

    async def now_ms(self) -> int:
        """About its server's time, epoch ms."""

    def announce(self, due_ms: int) -> None:
        """Tell of a due time, ms."""

    def go_offline(self) -> None:
        """It does not answer for now."""

    def report_lost(self) -> None:
        """The connection does not work."""

    def give_up(self) -> None:
        """Both."""

    async def leave_for_good(self) -> NoReturn:
        """Its list of partitions is another one by now."""


class HasDetour(Reachable, Protocol):
    """A partition for which changes may be kept. For its lanes."""

    @property
    def hints(self) -> Detour | None:
        """Who keeps them; `None`: nobody."""


class Detour(Protocol):
    """Where changes for a partition go while it is away. Kept by `hints.py`."""

    @property
    def in_between(self) -> bool:
        """Whether what is sent to the partition has to look here first."""

    async def assign(self, changes: Sequence[Any]) -> Sequence[bool]:
        """Keep assignments."""

    async def remove(self, ids: Sequence[bytes]) -> Sequence[Any]:
        """Keep removals."""

    async def look(self, ids: Sequence[bytes]) -> Sequence[Any]:
        """Look tasks up, here first."""

    async def passable(self) -> bool:
        """Whether the partition can be sent to: it is online, and what is known here is applied."""

    def require(self) -> None:
        """Raise unless changes can be kept."""

    def assume(self) -> None:
        """The partition was away: others may have kept changes."""

    async def catch_up(self) -> None:
        """Apply what waits before the partition goes online."""
