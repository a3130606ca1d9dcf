"""A Redis Cluster of private servers on loopback: three primaries, each with a replica."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from tests.servers import RedisServer
from tests.waiting import until_outside

SLOTS: Final = 16384


class RedisCluster:
    """Nodes 0 to 2 begin as primaries of a third of the slots each, nodes 3 to 5 as their replicas."""

    def __init__(
        self, binary: str | None = None, primaries: int = 3, *, replicas: bool = True, **settings: str
    ) -> None:
        self._primaries: Final = primaries
        self._count: Final = primaries * (2 if replicas else 1)
        self._settings: Final[dict[str, Any]] = {
            "cluster_enabled": "yes",
            # A machine that stands still for some seconds is no outage.
            "cluster_node_timeout": "5000",
            "cluster_replica_validity_factor": "0",
            "repl_diskless_sync": "yes",
            "repl_diskless_sync_delay": "0",
            **settings,
        }
        self._binary: Final = binary
        self._stack: Final = ExitStack()
        self.nodes: list[RedisServer] = []
        self._ids: list[str] = []

    @property
    def seeds(self) -> str:
        """The addresses of all nodes, by commas."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def url_of(self, *, partitions: int = 16, seeds: str | None = None) -> str:
        return f"redis+cluster://{seeds or self.seeds}?partitions={partitions}"

    @property
    def url(self) -> str:
        return self.url_of()

    def run(self, node: RedisServer, *words: object) -> Any:
        """A command on one node."""
        with node.client() as client:
            return client.execute_command(" ".join(str(word) for word in words[:2]), *words[2:])

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for _ in range(self._count):
                node = RedisServer(self._binary, **self._settings)
                self.nodes.append(stack.enter_context(node))
            self._ids = [self.run(node, "CLUSTER", "MYID").decode() for node in self.nodes]
            self._join()
            self._stack.push(stack.pop_all())
        return self

    def _join(self) -> None:
        for index, node in enumerate(self.nodes[: self._primaries]):
            first, end = (SLOTS * n // self._primaries for n in (index, index + 1))
            self.run(node, "CLUSTER", "ADDSLOTS", *range(first, end))
            self.run(node, "CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        until_outside(self._have_met)
        for index, node in enumerate(self.nodes[self._primaries :]):
            until_outside(lambda node=node, id_=self._ids[index]: id_ in self._known(node))  # type: ignore[misc]
            self.run(node, "CLUSTER", "REPLICATE", self._ids[index])
        self.wait_well()

    def _have_met(self) -> bool:
        """Have the first node meet those that it does not know, also again; whether all know each other."""
        known = self._known(self.nodes[0])
        for node, id_ in zip(self.nodes, self._ids, strict=True):
            if id_ not in known:
                self.run(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", node.port)
        return all(len(self._known(node)) == self._count for node in self.nodes)

    def _known(self, node: RedisServer) -> set[str]:
        """The nodes that one has shaken hands with."""
        lines = self._lines(node)
        return {line.split()[0] for line in lines if "handshake" not in line and "noaddr" not in line}

    def _lines(self, node: RedisServer) -> Sequence[str]:
        with node.client() as client:
            # Any: the client takes the reply apart, differently from version to version.
            reply: Any = client.execute_command("CLUSTER NODES", NEVER_DECODE=True)
        if isinstance(reply, bytes):
            return reply.decode().splitlines()
        return [f"{about['node_id']} {address} {about['flags']}" for address, about in reply.items()]

    def wait_well(self, seconds: float = 90) -> None:
        """Wait until all running nodes say that all slots are served, and all replicas are in step."""
        running = [node for node in self.nodes if node.is_running]
        until_outside(lambda: all(self._is_well(node) for node in running), seconds)

    def _is_well(self, node: RedisServer) -> bool:
        with node.client() as client:
            state: Any = client.execute_command("CLUSTER INFO")
            about: Any = client.info("replication")
        return bool(state["cluster_state"] == "ok" and about.get("master_link_status", "up") == "up")

    def owner(self, slot: int) -> RedisServer:
        """The primary of a slot, as the nodes that run see it."""
        for asked in self.nodes:
            if asked.is_running:
                for first, last, primary, *_ in self._slots(asked):
                    if first <= slot <= last:
                        return next(node for node in self.nodes if node.port == primary)
        raise AssertionError(f"nobody has slot {slot}")

    def _slots(self, node: RedisServer) -> list[tuple[int, int, int]]:
        with node.client() as client:
            client.set_response_callback("CLUSTER SLOTS", lambda reply, **_: reply)
            reply: Any = client.execute_command("CLUSTER SLOTS")
        return [(first, last, primary[1]) for first, last, primary, *_ in reply]

    def is_primary(self, node: RedisServer) -> bool:
        with node.client() as client:
            about: Any = client.info("replication")
        return bool(about["role"] == "master")

    def primaries(self) -> list[RedisServer]:
        """The running nodes that are primaries."""
        return [node for node in self.nodes if node.is_running and self.is_primary(node)]

    def move(self, slot: int, target: RedisServer, pause_seconds: float = 0.0) -> int:
        """Move a slot and what stands in it, key by key with pauses: how many keys there were."""
        source = self.owner(slot)
        source_id, target_id = (self._ids[self.nodes.index(node)] for node in (source, target))
        self.run(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        self.run(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        moved = 0
        while keys := self.run(source, "CLUSTER", "GETKEYSINSLOT", slot, 1):
            with source.client() as client:
                client.execute_command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
            moved += 1
            time.sleep(pause_seconds)  # so that calls come while the slot has some of its keys only
        for node in (target, source, *self.primaries()):
            self.run(node, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
        return moved

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()
