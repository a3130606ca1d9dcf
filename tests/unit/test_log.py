"""The guard around the logger of the application: a logger that fails disturbs nothing, and its lines are not lost."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from interval_scheduler.support.log import GuardedLog


class Panic(BaseException):
    """As those of Rust."""


class Lines:
    """A logger without keyword arguments, as its type asks for."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.lines: list[str] = []
        self._error = error

    def _write(self, message: str, /, *args: object) -> None:
        if self._error is not None:
            raise self._error
        self.lines.append(message % args)

    debug = info = warning = error = _write


LEVELS = ["debug", "info", "warning", "error"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("error", [ConnectionError("down"), Panic("down"), GeneratorExit("down")])
def test_a_logger_that_raises_disturbs_nothing(
    level: str, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    log = GuardedLog(Lines(error))
    write: Any = getattr(log, level)
    write("task %r is dead", "a", exc_info=ValueError("x"))
    write("task %r is dead", "b")
    told = capsys.readouterr().err
    name = type(error).__name__
    assert told.count(f"interval_scheduler: the logger raised {name}; {level}: task 'a' is dead\n") == 1
    assert told.count(f"interval_scheduler: the logger raised {name}; {level}: task 'b' is dead\n") == 1
    assert "Traceback (most recent call last)" in told
    assert told.endswith("task 'b' is dead\n"), "a traceback with the first line only"


@pytest.mark.parametrize("error", [SystemExit(3), BaseExceptionGroup("both", [ValueError(), SystemExit(3)])])
def test_only_the_end_of_the_process_goes_through(error: BaseException) -> None:
    with pytest.raises(SystemExit):
        GuardedLog(Lines(error)).info("a line")


def test_a_logger_without_a_method_disturbs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    log: Any = object()
    GuardedLog(log).error("a line")
    assert "the logger raised AttributeError; error: a line" in capsys.readouterr().err


def test_a_logger_that_takes_no_error_gets_the_traceback_in_the_message() -> None:
    lines = Lines()
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    GuardedLog(lines).error("task %r failed", "a", exc_info=caught.value)
    (line,) = lines.lines
    assert line.startswith("task 'a' failed\nTraceback (most recent call last)")
    assert "test_log.py" in line
    assert "ZeroDivisionError: division by zero" in line


def test_a_logger_of_logging_gets_the_error_and_the_place_of_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("x")
    GuardedLog(logging.getLogger("test.log")).warning("a line", exc_info=error)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert record.filename == "test_log.py"
