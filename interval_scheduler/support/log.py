"""The logger of the application: the four methods that it needs, and a guard around it."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, Literal, Protocol

from .guests import call_apart, ends_process
from .loops import running_loop


class Log(Protocol):
    """Any object with these methods, for example a `logging.Logger`.

    Messages have the form of `logging`: the arguments are put into the message by `%`. A line about an error has the
    keyword argument `exc_info` with the error; if a logger does not take it, the traceback is put into the message.
    Lines about a blocked event loop come from another thread.
    """

    def debug(self, message: str, /, *args: object) -> object:
        """Log a line for developers of the application."""

    def info(self, message: str, /, *args: object) -> object:
        """Log something worth knowing that is not a fault."""

    def warning(self, message: str, /, *args: object) -> object:
        """Log something to examine; work goes on."""

    def error(self, message: str, /, *args: object) -> object:
        """Log a failure."""


class GuardedLog:
    """A log whose faults disturb nothing: a line that cannot be logged goes to `sys.stderr`.

    Args:
        log: the logger of the application.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        # The file and the line of a record are those of the caller, not of this guard.
        self._extra: dict[str, Any] = {"stacklevel": 4} if isinstance(log, logging.Logger) else {}
        self._told = False

    def debug(self, message: str, /, *args: object, exc_info: BaseException | None = None) -> None:
        """Log a line for developers of the application."""
        self._write("debug", message, args, exc_info)

    def info(self, message: str, /, *args: object, exc_info: BaseException | None = None) -> None:
        """Log something worth knowing that is not a fault."""
        self._write("info", message, args, exc_info)

    def warning(self, message: str, /, *args: object, exc_info: BaseException | None = None) -> None:
        """Log something to examine; work goes on."""
        self._write("warning", message, args, exc_info)

    def error(self, message: str, /, *args: object, exc_info: BaseException | None = None) -> None:
        """Log a failure."""
        self._write("error", message, args, exc_info)

    def _write(
        self,
        level: Literal["debug", "info", "warning", "error"],
        message: str,
        args: tuple[object, ...],
        error: BaseException | None,
    ) -> None:
        try:
            write: Any = getattr(self._log, level)
            if error is None:
                call_apart(running_loop(), write, message, *args, **self._extra)
                return
            try:
                call_apart(running_loop(), write, message, *args, exc_info=error, **self._extra)
            except TypeError:  # it takes no keyword arguments
                call_apart(running_loop(), write, f"{message}\n%s", *args, "".join(traceback.format_exception(error)))
        except BaseException as broken:  # noqa: BLE001 - the application's logger, whatever it raises
            if (fatal := ends_process(broken)) is not None:
                raise fatal from None
            self._write_to_stderr(level, message, args, broken)

    def _write_to_stderr(self, level: str, message: str, args: tuple[object, ...], broken: BaseException) -> None:
        """Write a line that the logger refused; with the first one, the traceback of the logger's error."""
        try:
            trace = "" if self._told else "".join(traceback.format_exception(broken))
            self._told = True
            line = message % args if args else message
            sys.stderr.write(f"interval_scheduler: the logger raised {type(broken).__name__}; {level}: {line}\n{trace}")
        except BaseException as error:  # noqa: BLE001 - there is nobody left to tell
            if (fatal := ends_process(error)) is not None:
                raise fatal from None


def guarded(logger: Log | None) -> GuardedLog:
    """Return a logger with its guard; the default is the logger `interval_scheduler`."""
    if isinstance(logger, GuardedLog):
        return logger
    return GuardedLog(logging.getLogger("interval_scheduler") if logger is None else logger)
