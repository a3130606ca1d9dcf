"""The log of a process on stderr: as text, or as one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from .apart_log import ApartHandler
from .spec import LogFormat

_TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s [%(process)d] %(message)s"
_log = logging.getLogger("interval_scheduler.run")


class JsonLines(logging.Formatter):
    """Writes a record as one line: an object with `time`, `level`, `logger`, `pid`, `message`, and perhaps `exception`.

    `time` is in UTC by ISO 8601.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": _message(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments of the application that do not fit: the line is told all the same
        return f"{record.msg} (its arguments do not fit)"


def set_up(log_format: LogFormat, level: str, *, utc: bool = False, apart: bool = False) -> None:
    """Send all that is logged in this process to stderr, warnings and uncaught errors too.

    A program that sets up its own logging when it is imported comes later, and so is stronger.

    Args:
        log_format: how a line looks.
        level: the lowest level that is logged.
        utc: the times of a text are in UTC; those of JSON always are.
        apart: nobody waits until a line is written.
    """
    handler = ApartHandler(sys.stderr.fileno()) if apart else logging.StreamHandler(sys.stderr)
    text = logging.Formatter(_TEXT)
    text.converter = time.gmtime if utc else time.localtime
    handler.setFormatter(JsonLines() if log_format == "json" else text)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    if log_format == "json":
        logging.captureWarnings(capture=True)
        sys.excepthook = _uncaught
        threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.critical("an error ended the process", exc_info=(kind, error, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is SystemExit:  # it ends the thread and is no error, as without this hook
        return
    name = told.thread.name if told.thread else "a thread"
    error = told.exc_value or told.exc_type()
    _log.error("an error ended the thread %s", name, exc_info=(told.exc_type, error, told.exc_traceback))
