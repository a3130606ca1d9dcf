"""The handshake with a partition that was reached: inspects its server, and makes it a member of the namespace.

::

    inspect_server ──(nothing was written so far)──▶ enroll ──▶ online

Between the two, the scheduler compares what it found on all partitions.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anyio
from redis.exceptions import NoPermissionError

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...errors import NotConnected, PartitionListChanged, PartitionOffline, StorageError
from ...model.health import Finding, PartitionHealth, wrong_keys
from ..commands import auditing, key_types, topology
from ..connection.diagnosis import ServerFacts, diagnose, of_problem, require_suitable, subscribe_refused
from ..connection.failures import FAILED, translate
from ..connection.inspection import Stopwatch, inspect
from ..scripts.membership import Membership
from ..scripts.ports import Reachable

_CHANGES_ITS_PRIMARY: Final = "is offline (its primary is changing): nothing was changed, try again later"


class Handshake:
    """The handshake: it inspects the server of a partition and makes it a member of the namespace.

    Args:
        partition: the partition.
        instance: its server.
        storage: the options.
        client: its client.
    """

    def __init__(self, partition: Reachable, instance: RedisInstance, storage: StorageOptions, client: Any) -> None:
        self._partition: Final = partition
        self._instance: Final = instance
        self._storage: Final = storage
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client: Final = client
        #: The membership that its database must have. Its epoch, and the list before, are agreed upon at connect.
        self.expected = Membership.expected(partition.name, storage)
        #: The membership that was found there; `None` for none.
        self.stored: Membership | None = None
        self._facts = ServerFacts()
        #: The text that tells its database from every other, once it was reached; `None` if there is none.
        self.database: str | None = None
        #: The text that tells its server from every other.
        self.server = ""

    def expect(self, *, from_list: bytes, epoch: bytes | None = None) -> None:
        """Expect another list of partitions in the database from now on; its epoch stays unless given."""
        self.expected = self.expected._replace(
            from_list=from_list, epoch=self.expected.epoch if epoch is None else epoch
        )

    async def inspect_server(self) -> None:
        """Check that the server may be used. Writes nothing.

        Raises:
            UnsuitableServer, StorageRefused: it must not be used.
            RedisError: it cannot be reached.
        """
        self._facts = await inspect(self._client, self._instance)
        self.server = self._facts.database(self._instance.db) or ""
        # The partitions of a cluster may share a server.
        self.database = None if self._instance.cluster else self._facts.database(self._instance.db)
        if self._is_demoted():
            raise PartitionOffline(self._partition.name, _CHANGES_ITS_PRIMARY)
        require_suitable(self._partition.name, self._diagnose(self._facts))
        stored = await self._client.hgetall(self._partition.keys.membership)
        self.stored = Membership.stored(stored) if stored else None
        if self.stored is not None:
            self.expected.require_same_layout(self.stored)

    def _is_demoted(self) -> bool:
        """Tell if a Sentinel or a cluster named this server as the primary although it is a replica."""
        located = self._instance.sentinels or self._instance.cluster
        return bool(located) and (self._facts.info or {}).get("role") not in (None, "master")

    async def enroll(self) -> list[Finding]:
        """Try all commands with this user, and make it a partition of the namespace. Return the findings.

        Raises:
            UnsuitableServer, PartitionMismatch, StorageRefused: it must not be used.
            RedisError: it cannot be reached.
        """
        findings = self._diagnose(await self._try_out(self._facts))
        require_suitable(self._partition.name, findings)
        stored = self.stored
        if not self.expected.is_migrating:
            stored = await topology.enroll(self._partition, self.expected)
        elif stored is None or stored.number < self.expected.number:
            # It came back with the list from before the reconfiguration, whose migration has not ended yet.
            stored = (await topology.adopt_list(self._partition, self.expected, None, paused=False)).membership
        self.expected.require(stored, self._partition.keys.membership)
        return findings

    async def list_changed(self) -> StorageError:
        """Return the error for a request that was refused because of this list of partitions."""
        name = self._partition.name
        try:
            stored = Membership.stored(await self._client.hgetall(self._partition.keys.membership))
        except FAILED as error:
            return translate(name, error)
        if stored.number > self._partition.epoch:
            return PartitionListChanged(name, stored.number, stored.list.decode(errors="replace"))
        return PartitionOffline(name, "has come back with an older list of partitions: nothing was changed")

    async def examine(self, *, cannot_subscribe: bool, turn: AbstractAsyncContextManager[Any]) -> PartitionHealth:
        """Inspect the server now, and return its health. Never takes longer than a call may take.

        Args:
            cannot_subscribe: True if the server refused SUBSCRIBE.
            turn: is entered when it is the turn of this call to use connections.
        """
        partition = self._partition
        facts, problem = ServerFacts(), partition.problem
        strange: dict[bytes, str] = {}
        try:
            partition.require_online()
            with anyio.fail_after(self._storage.operation_timeout_seconds):
                async with turn:
                    facts = await self._try_out(await inspect(self._client, self._instance))
                    strange = await key_types.wrong_types(partition)
        except TimeoutError:
            problem = PartitionOffline(partition.name, "did not answer in time", "timeout")
        except NotConnected:
            problem = PartitionOffline(partition.name, "is not connected any more: the scheduler was closed")
        except (*FAILED, StorageError) as error:
            problem = problem or translate(partition.name, error)
        return PartitionHealth(
            name=partition.name,
            online=partition.state == "online",
            round_trip=facts.round_trip,
            version=facts.version,
            clock_difference=facts.clock_difference,
            findings=(
                *self._diagnose(facts),
                *([wrong_keys(partition.name, key_types.describe(strange))] if strange else ()),
                *(() if problem is None else of_problem(problem)),
                *([subscribe_refused(partition.name, partition.keys.wake)] if cannot_subscribe else ()),
            ),
            problem=None if problem is None else str(problem),
        )

    async def _try_out(self, facts: ServerFacts) -> ServerFacts:
        """Return the facts of the server, with its answers to a script that tries all commands."""
        watch = Stopwatch()
        now_us, refused = await auditing.probe(self._partition)
        if self._storage.wait_replicas:
            try:
                await self._client.execute_command("WAIT", 0, 1)
            except NoPermissionError as error:
                refused["WAIT"] = f"NOPERM {error}"
        return facts.tried(refused, *watch.compare(now_us))

    def _diagnose(self, facts: ServerFacts) -> list[Finding]:
        storage = self._storage
        return diagnose(
            self._partition.name,
            facts,
            allow_eviction=storage.allow_eviction,
            in_cluster=bool(self._instance.cluster),
            wait_replicas=storage.wait_replicas,
        )
