"""Redis Sentinels on loopback, and what they watch: a primary with its replicas."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import KeptPort, RedisServer, default_binary

#: What the Sentinels call the primary.
SERVICE: Final = "main"
#: A server that does not answer for so long is down. Less, and a busy machine looks like an outage: only a Sentinel
#: that stood still itself for more than two seconds knows that it cannot judge, and waits for half a minute.
DOWN_AFTER_MS: Final = 2500
#: Twice as long after a failover was begun, no Sentinel begins another. Much less, and two begin one at once.
FAILOVER_TIMEOUT_MS: Final = 5000


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until a condition holds, also if Sentinels wait for half a minute; servers have no event to wait for."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        with contextlib.suppress(redis.RedisError, OSError):  # a server that cannot tell yet
            if condition():
                return
        time.sleep(0.02)  # servers that elect each other have no event to wait for
    raise AssertionError(f"did not come true within {seconds} s: {what}")


def wait_for_replicas(primary: RedisServer, count: int) -> None:
    """Wait until a primary knows that so many replicas follow it: it hears of that a second later than they do."""
    key = "interval-scheduler-tests"
    with primary.client() as client:
        wait_for(lambda: client.set(key, "") and client.wait(count, 1000) >= count, "the replicas follow")
        client.delete(key)


class SentinelServer:
    """One Sentinel process, which keeps its port, its name and its state when it is started again."""

    def __init__(
        self,
        watched: int,
        service: str = SERVICE,
        quorum: int = 2,
        password: str | None = None,
        binary: str | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        self._kept = KeptPort()
        self.port = self._kept.number
        self._binary = binary or default_binary()
        self.password = password
        self._identity = secrets.token_hex(20)
        self._lines = [
            f"sentinel myid {self._identity}",
            f"sentinel monitor {service} 127.0.0.1 {watched} {quorum}",
            f"sentinel down-after-milliseconds {service} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {service} {FAILOVER_TIMEOUT_MS}",
            *([f"requirepass {password}"] if password else []),
            *lines,
        ]
        self._service = service
        self._folder = tempfile.TemporaryDirectory(prefix="interval-scheduler-sentinel-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def node(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def _configuration(self) -> Path:
        return Path(self._folder.name) / "sentinel.conf"

    def introduce(self, others: Sequence[SentinelServer], replicas: Sequence[int]) -> None:
        """Tell it of the others and of the replicas, which it would find out by itself within some seconds."""
        self._lines += [
            f"sentinel known-sentinel {self._service} 127.0.0.1 {other.port} {other._identity}" for other in others
        ]
        self._lines += [f"sentinel known-replica {self._service} 127.0.0.1 {port}" for port in replicas]

    def client(self) -> redis.Redis:
        """A plain client of the Sentinel."""
        return redis.Redis(
            port=self.port, password=self.password, protocol=2, socket_timeout=5, retry=Retry(NoBackoff(), 0)
        )

    def ask(self, *command: str) -> Any:
        """What it answers to a subcommand of SENTINEL, as it stands on the wire."""
        with self.client() as client:
            # In one piece, since the client has ideas of its own of what the replies to some of them look like.
            client.response_callbacks.clear()
            return client.execute_command("SENTINEL", *command)

    def start(self) -> Self:
        if not self._configuration.exists():
            self._configuration.write_text(
                "\n".join([f"port {self.port}", "bind 127.0.0.1", f"dir {self._folder.name}", *self._lines, ""])
            )
        self._process = subprocess.Popen(
            [self._binary, str(self._configuration), "--sentinel"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._answers, "a Sentinel answers")
        return self

    def _answers(self) -> bool:
        """Check that this process answers, and none of another test at the same port."""
        assert self._process is not None
        with self.client() as client:
            return bool(client.info("server")["process_id"] == self._process.pid)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
        self._kept.close()
        self._folder.cleanup()


class Watched:
    """A primary, two replicas, and three Sentinels of which two decide.

    Args:
        settings: settings of the three servers.
    """

    def __init__(self, **settings: str) -> None:
        self._settings: dict[str, Any] = {"repl_diskless_sync": "yes", "repl_diskless_sync_delay": "0", **settings}
        self._stack = contextlib.ExitStack()
        self.servers: list[RedisServer] = []
        self.sentinels: list[SentinelServer] = []

    @property
    def nodes(self) -> str:
        return ",".join(sentinel.node for sentinel in self.sentinels)

    @property
    def url(self) -> str:
        return self.url_of(0)

    def url_of(self, db: int) -> str:
        return f"redis+sentinel://{self.nodes}/{SERVICE}/{db}"

    def primary(self) -> RedisServer:
        """The primary, as the first Sentinel that runs says."""
        sentinel = next(each for each in self.sentinels if each.is_running)
        _, port = sentinel.ask("GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    def failovers(self) -> int:
        """How many there were: the Sentinels count them."""
        return max(int(_pairs(each.ask("MASTER", SERVICE))[b"config-epoch"]) for each in self.sentinels)

    def replicas(self) -> list[RedisServer]:
        """The servers that run and are not the primary."""
        primary = self.primary()
        return [server for server in self.servers if server is not primary and server.is_running]

    def settle(self) -> None:
        """Wait until all replicas follow the primary, and all Sentinels know of it and of each other."""
        wait_for_replicas(self.primary(), len(self.replicas()))
        for replica in self.replicas():
            wait_for(lambda replica=replica: self._follows(replica), "a replica follows the primary")  # type: ignore[misc]
        for sentinel in self.sentinels:
            wait_for(lambda sentinel=sentinel: self._knows(sentinel), "a Sentinel knows everybody")  # type: ignore[misc]

    def rejoin(self, server: RedisServer) -> None:
        """Start a server again that was killed, as a replica of the primary."""
        server._settings["replicaof"] = f"127.0.0.1 {self.primary().port}"
        server.start()

    def fail_over(self) -> None:
        """Make a replica the primary at once, without asking whether the primary is down."""
        wait_for(lambda: self.sentinels[0].ask("FAILOVER", SERVICE) == b"OK", "a Sentinel starts a failover")

    def _follows(self, replica: RedisServer) -> bool:
        with replica.client() as client:
            info = client.info("replication")
        found = info["role"], info["master_link_status"], info["master_port"]
        return found == ("slave", "up", self.primary().port)

    def _knows(self, sentinel: SentinelServer) -> bool:
        state = _pairs(sentinel.ask("MASTER", SERVICE))
        replicas = [_pairs(each) for each in sentinel.ask("REPLICAS", SERVICE)]
        up = [each for each in replicas if each[b"flags"] == b"slave" and each[b"master-link-status"] == b"ok"]
        return (
            state[b"flags"] == b"master"
            and int(state[b"port"]) == self.primary().port
            and len(up) == len(self.replicas())
            and bool(sentinel.ask("CKQUORUM", SERVICE))
        )

    def __enter__(self) -> Self:
        primary = self._stack.enter_context(RedisServer(**self._settings))
        self.servers.append(primary)
        for _ in range(2):
            replica = RedisServer(replicaof=f"127.0.0.1 {primary.port}", **self._settings)
            self.servers.append(self._stack.enter_context(replica))
        self.sentinels = [SentinelServer(primary.port) for _ in range(3)]
        for sentinel in self.sentinels:
            others = [other for other in self.sentinels if other is not sentinel]
            sentinel.introduce(others, [replica.port for replica in self.servers[1:]])
        for replica in self.servers[1:]:
            with replica.client() as client:
                wait_for(lambda client=client: client.info("replication")["master_link_status"] == "up", "it follows")  # type: ignore[misc]
        for sentinel in self.sentinels:
            self._stack.enter_context(sentinel)
        self.settle()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        # The Sentinels first: they need not see the others go.
        self._stack.close()


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
