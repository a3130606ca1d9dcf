"""The handshake with a partition that was reached: inspects its server, and makes it a member of the namespace.

::

    inspect_server ──(nothing was written so far)──▶ enroll ──▶ online

Between the two, the scheduler compares what it found on all partitions. A scheduler that makes nothing, since it was
connected so, does not write later either: it recognizes the namespace that is there.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anyio
from redis.exceptions import NoPermissionError

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...errors import NotConnected, PartitionListChanged, PartitionOffline, StorageError, UnknownNamespace
from ...model.health import Finding, PartitionHealth, data_lost, wrong_keys
from ...model.steering import Note
from ...model.wire import whole
from ..commands import auditing, key_types, topology
from ..commands.queues import enter_queue
from ..connection.diagnosis import ServerFacts, diagnose, of_problem, require_suitable, subscribe_refused
from ..connection.failures import FAILED, translate
from ..connection.inspection import Stopwatch, inspect
from ..scripts.membership import Membership
from ..scripts.ports import Reachable
from .place import Place

_CHANGES_ITS_PRIMARY: Final = "is offline (its primary is changing): nothing was changed, try again later"


class Handshake:
    """The handshake: it inspects the server of a partition and makes it a member of the namespace.

    Args:
        partition: the partition.
        instance: its server.
        storage: the options.
        client: its client.
        place: the namespace or queue whose partition it is.
    """

    def __init__(
        self,
        partition: Reachable,
        instance: RedisInstance,
        storage: StorageOptions,
        client: Any,
        place: Place,
    ) -> None:
        self._partition: Final = partition
        self._instance: Final = instance
        self._storage: Final = storage
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client: Final = client
        self._place: Final = place
        #: True if it is the partition of a queue.
        self.is_of_queue: Final = place.entry is not None
        #: The membership that its database must have. Its epoch, and the list before, are agreed upon at connect.
        self.expected = Membership.expected(partition.name, storage)
        #: The membership that was found there; `None` for none.
        self.stored: Membership | None = None
        self._facts = ServerFacts()
        #: True if scripts that only read are sent as such: by a scheduler that may have no right to write.
        self.marks_reads = False
        #: True if its data were lost since this scheduler connected, and nobody was told yet.
        self._has_lost_data = False
        #: The text that tells its database from every other, once it was reached; `None` if there is none.
        self.database: str | None = None
        #: The text that tells its server from every other.
        self.server = ""

    def expect(self, *, from_list: bytes, epoch: bytes | None = None) -> None:
        """Expect another list of partitions in the database from now on; its epoch stays unless given."""
        self.expected = self.expected._replace(
            from_list=from_list, epoch=self.expected.epoch if epoch is None else epoch
        )

    def take_loss(self) -> bool:
        """Return True once after each loss of data: the database is not the one in which this scheduler enrolled."""
        lost, self._has_lost_data = self._has_lost_data, False
        return lost

    async def inspect_server(self) -> None:
        """Check that the server may be used. Writes nothing.

        Raises:
            UnsuitableServer, StorageRefused: it must not be used.
            RedisError: it cannot be reached.
        """
        self._facts = await inspect(self._client, self._instance)
        self.marks_reads = not self._place.creates and self._facts.knows_reading_scripts
        self.server = self._facts.database(self._instance.db) or ""
        # The partitions of a cluster may share a server.
        self.database = None if self._instance.cluster else self._facts.database(self._instance.db)
        if self._is_demoted():
            raise PartitionOffline(self._partition.name, _CHANGES_ITS_PRIMARY)
        require_suitable(self._partition.name, self._diagnose(self._facts))
        self.stored = await self._read_membership()
        if self.stored is not None:
            self.expected.require_same_layout(self.stored, self._partition.keys.membership)

    def _is_demoted(self) -> bool:
        """Tell if a Sentinel or a cluster named this server as the primary although it is a replica."""
        located = self._instance.sentinels or self._instance.cluster
        return bool(located) and (self._facts.info or {}).get("role") not in (None, "master")

    async def enroll(self) -> list[Finding]:
        """Try all commands with this user, and make it a partition of the namespace. Return the findings.

        Raises:
            UnsuitableServer, PartitionMismatch, StorageRefused: it must not be used.
            QueuesFull: it is a partition of a new queue, and the namespace can have no more.
            UnknownNamespace: it has no such namespace or queue, and this scheduler makes none.
            RedisError: it cannot be reached.
        """
        findings = self._diagnose(await self._try_out(self._facts))
        require_suitable(self._partition.name, findings)
        stored = await (self._make_member() if self._place.creates else self._recognize())
        self.expected.require(stored, self._partition.keys.membership)
        self._has_lost_data = self._has_lost_data or self.expected.born not in (b"", stored.born)
        self.expected = self.expected._replace(born=stored.born)
        return findings

    async def _make_member(self) -> Membership:
        """Make the database a partition of the namespace unless it is one; return what is stored then."""
        if self.expected.is_migrating and (self.stored is None or self.stored.number < self.expected.number):
            # It came back with the list from before the reconfiguration, whose migration has not ended yet.
            await topology.adopt_list(self._partition, self.expected, None)
        if self._place.entry is not None:  # before any task, so that a list of partitions changes for all queues
            await enter_queue(self._partition, self._place.entry, self.expected.list)
        return await topology.enroll(self._partition, self.expected)

    async def _recognize(self) -> Membership:
        """Return what is stored, and write nothing."""
        stored = await self._read_membership()
        if stored is None:
            raise self._place.unknown(self._partition.name)
        if whole(stored.born) is None:  # who enrolls writes it anew, from the key of the epoch
            epoch: bytes = await self._client.get(self._partition.keys.epoch) or b""
            stored = stored._replace(born=epoch.rpartition(b":")[2])
        return stored

    def unknown(self) -> UnknownNamespace:
        """Return the error for a database that has no such namespace or queue."""
        return self._place.unknown(self._partition.name)

    async def _read_membership(self) -> Membership | None:
        fields = await self._client.hgetall(self._partition.keys.membership)
        return Membership.stored(fields) if fields else None

    async def acknowledge_loss(self, note: Note) -> bool:
        """Note in Redis that people know of the loss of data. Return True if there was one that nobody knew of.

        Args:
            note: what the log of actions is to say of it.

        Raises:
            StorageError: the partition was lost or refused.
        """
        try:
            stored = await self._read_membership()
        except FAILED as error:
            raise translate(self._partition.name, error) from None
        # The birth that is there now: a late copy of this request does not acknowledge a later loss.
        return stored is not None and await topology.acknowledge(self._partition, stored.born, note)

    async def _lost_data(self) -> list[Finding]:
        """Return the finding about lost data; if the database is another one, hear of that first."""
        stored = await self._read_membership()
        if stored is None or stored.born != self.expected.born:
            self._partition.enroll_anew()
            await self._partition.wait_enrolled()
            await self._partition.wait_online()
            stored = await self._read_membership()
        lost_ms = None if stored is None else stored.lost_ms
        return [] if lost_ms is None else [data_lost(self._partition.name, lost_ms)]

    async def list_changed(self) -> StorageError:
        """Return the error for a request that was refused because of this list of partitions."""
        name = self._partition.name
        try:
            stored = await self._read_membership()
        except FAILED as error:
            return translate(name, error)
        if stored is not None and stored.number > self.expected.number:
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
        lost: list[Finding] = []
        try:
            partition.require_online()
            with anyio.fail_after(self._storage.operation_timeout_seconds):
                async with turn:
                    facts = await self._try_out(await inspect(self._client, self._instance))
                    strange = await key_types.wrong_types(partition)
                    lost = await self._lost_data()
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
                *lost,
                *([wrong_keys(partition.name, key_types.describe(strange))] if strange else ()),
                *(() if problem is None else of_problem(problem)),
                *(
                    [subscribe_refused(partition.name, partition.keys.wake)]
                    if cannot_subscribe and self._place.creates
                    else ()
                ),
            ),
            problem=None if problem is None else str(problem),
            used_memory=facts.used_memory,
            memory_limit=facts.memory_limit,
        )

    async def _try_out(self, facts: ServerFacts) -> ServerFacts:
        """Return the facts of the server, with its answers to a script that tries all commands."""
        watch = Stopwatch()
        if not self._place.creates:  # that script writes
            seconds, us = await self._client.time()
            return facts.tried({}, *watch.compare(seconds * 1_000_000 + us))
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
