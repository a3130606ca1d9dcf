"""The terms between the supervisor and a worker process: settings, and the form of messages.

What the process has to run goes through a socket, since URLs may have a password, and all users see the arguments of a
process.
"""

from __future__ import annotations

import json
import re
import signal
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Self

LogFormat = Literal["text", "json"]
#: The levels of the log, by the names that the command line has for them.
LEVELS: Final = ("debug", "info", "warning", "error")
#: How a target is written: `module:attribute`.
TARGET: Final = re.compile(r"(?P<module>\w+(\.\w+)*):(?P<attribute>\w+(\.\w+)*)")
#: The time that a process has beyond what its runs may take, before it is killed.
KILL_AFTER_SECONDS: Final = 5.0
#: The signals that are blocked in a new process until it can take them, and in further threads of the supervisor.
HELD_BACK: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Spec:
    """The settings of a worker process.

    Attributes:
        target: the worker, as `module:attribute`.
        urls: the URLs of the partitions; empty: those of the worker itself.
        options: the options of the scheduler that the command line gives, by name.
        only: the names of the queues to execute; `None`: all that have an executor.
        queue: the queue of a target that is a plain coroutine function; `None`: the namespace itself.
        uvloop: run on the event loop of uvloop.
        log_format: how a line of the log looks.
        log_level: the lowest level that is logged.
        utc: the times of a log of text are in UTC instead of the machine's own zone.
        debug: log tracebacks of errors that are explained without.
    """

    target: str
    urls: tuple[str, ...] = field(default=(), repr=False)
    options: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    queue: str | None = None
    uvloop: bool = False
    log_format: LogFormat = "text"
    log_level: str = "info"
    utc: bool = False
    debug: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as a message."""
        return asdict(self)

    @classmethod
    def from_json(cls, message: dict[str, Any]) -> Self:
        """Make it of a message."""
        only = message["only"]
        lists = {"urls": tuple(message["urls"]), "only": None if only is None else tuple(only)}
        return cls(**{**message, **lists})


def line_of(message: dict[str, Any]) -> bytes:
    """Return a message between the supervisor and a worker process as it is sent: one line of JSON."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
