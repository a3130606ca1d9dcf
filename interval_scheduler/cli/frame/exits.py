"""The end of a command: its exit code, and the words for an error."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

import click

DONE: Final = 0
#: The question was answered with no: no such task, a finding, a problem left.
NO: Final = 1
USAGE: Final = 2
#: Refused for safety: nobody confirmed it.
REFUSED: Final = 64
UNREACHABLE: Final = 69
#: A bug of this program, or processes that keep dying.
BUG: Final = 70
#: The results cannot be written where they should go.
UNWRITTEN: Final = 74
#: The outcome is not known: run the command again.
UNKNOWN: Final = 75
RIGHTS: Final = 77
CONFIGURATION: Final = 78
#: Interrupted at the keyboard, and by SIGTERM.
INTERRUPTED: Final = 130
TERMINATED: Final = 143

#: What a full or broken disk answers to what writes there. An error of the library itself is none of these.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
#: The names of errors and their codes; the first class of an error's ancestry that is here decides. They are names,
#: so that a command that needs no server loads no client of one.
_CODES: Final = {
    "OutcomeUnknown": UNKNOWN,
    "PartitionOffline": UNREACHABLE,
    "StorageFull": UNREACHABLE,
    "StorageRefused": RIGHTS,
    "UnknownNamespace": CONFIGURATION,
    "UnsuitableServer": CONFIGURATION,
    "ConfigurationError": CONFIGURATION,
    "BackupCutShort": NO,
    "InvalidValue": USAGE,
    "InvalidType": USAGE,
}


class Ended(click.ClickException):
    """A command that ends with a code and with words; `""`: the output has said it.

    Args:
        code: the exit code.
        words: what to write to stderr.
    """

    def __init__(self, code: int, words: str = "") -> None:
        super().__init__(words)
        self.code = code


#: Packages of the extra `cli`. Others bring some of them, so that a command may begin without the rest.
_OF_THE_EXTRA: Final = frozenset({"msgspec", "rich"})


def code_of(error: BaseException) -> int:
    """Return the exit code for an error that left a command."""
    if isinstance(error, Ended):
        return error.code
    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    if _lacks_extra(error):
        return CONFIGURATION
    return next((_CODES[each.__name__] for each in type(error).__mro__ if each.__name__ in _CODES), BUG)


def refuse(words: str) -> NoReturn:
    """End the command, since it is not safe without a confirmation.

    Raises:
        Ended: always.
    """
    raise Ended(REFUSED, words)


def mute() -> None:
    """Write no more results, since who reads them has seen enough."""
    # Python writes what is left of the output when it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_full(error: OSError) -> bool:
    """Tell whether an error says that the output takes no more: a disk is full, or broken."""
    return error.errno in _FULL


def unwritten(error: OSError) -> str:
    """Return the words for an output that takes no more."""
    return f"The output cannot be written: {error.strerror}"


@contextmanager
def guarded() -> Iterator[None]:
    """End the process with the exit code of what leaves the block, and tell it in a line; never with a traceback.

    With `--debug` anywhere in the command, the traceback comes first.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
        sys.stdout.flush()
    except SystemExit:
        raise
    except click.exceptions.Exit as error:  # the help was shown
        sys.exit(error.exit_code)
    except BrokenPipeError:
        mute()
        sys.exit(DONE)
    except OSError as error:
        if not is_full(error):  # such as a partition that is offline, which is one as well
            _tell(error)
            sys.exit(code_of(error))
        mute()
        _tell(Ended(UNWRITTEN, unwritten(error)))
        sys.exit(UNWRITTEN)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it becomes words and a code
        _tell(error)
        sys.exit(code_of(error))


def _lacks_extra(error: BaseException) -> bool:
    return isinstance(error, ModuleNotFoundError) and error.name in _OF_THE_EXTRA


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


def _unknown(error: Any) -> str:
    """Return the words for a namespace or a queue that is not there, with what a command can do about it."""
    if error.queue is not None:
        return (
            f"The namespace {error.namespace!r} has no queue {error.queue!r}: look at its spelling; "
            "'interval-scheduler queues' lists those that exist."
        )
    return (
        f"There is no namespace {error.namespace!r} at {error.partition}: give its name by -n, and look at its "
        "spelling, at the host and at the number of the database."
    )


def _tell(error: BaseException) -> None:
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    if isinstance(error, click.UsageError):
        error.show()
    elif isinstance(error, click.ClickException):
        if error.message:
            click.echo(error.message, err=True)
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        click.echo("interrupted", err=True)
    elif _lacks_extra(error):
        click.echo("The command line needs more packages: pip install 'interval-scheduler[cli]'", err=True)
    elif type(error).__name__ == "UnknownNamespace":
        click.echo(_unknown(error), err=True)
    elif code_of(error) == BUG:
        click.echo(f"{type(error).__name__}: {error}\nThis is a bug; --debug shows where it is.", err=True)
    else:
        click.echo(str(error), err=True)
