"""Bugs that the matrix of guests catches: application code that misbehaves in ways that few think of."""

from typing import Final

from .planted import Planted, tests_in

_MATRIX: Final = tests_in("semantics/test_guests", "test_others_go_on_and_it_is_told_once[asyncio-at-least-once]")
_FATAL: Final = tests_in("semantics/test_guests", "test_what_ends_the_process_goes_through")
#: In `Events.emit`, the look at the result of a handler, and what follows it.
_LOOK: Final = "                is_coroutine = inspect.iscoroutine(result)  # it asks for the class, which may raise\n"
_CAUGHT: Final = """\
            except BaseException as error:  # noqa: BLE001 - the application's handler, whatever it raises
                self._failed(event, error)
                continue
"""

ALL: Final = (
    Planted(
        "a handler can cancel the asyncio task that tells it",
        "support/events.py",
        "result = call_apart(loop, context.copy().run, handler, *args)",
        "result = context.copy().run(handler, *args)",
        _MATRIX,
    ),
    Planted(
        "a logger can cancel the asyncio task that logs",
        "support/log.py",
        "                call_apart(running_loop(), write, message, *args, **self._extra)",
        "                write(message, *args, **self._extra)",
        _MATRIX,
    ),
    Planted(
        "a function apart leaves its caller without an asyncio task",
        "support/guests.py",
        "        asyncio.tasks._enter_task(loop, task)",
        "        pass",
        _MATRIX,
    ),
    Planted(
        "groups in groups are followed only as deep as a recursion goes",
        "support/guests.py",
        "            left.extend(reversed(error.exceptions))",
        "            for inner in error.exceptions:\n                yield from leaves(inner)",
        _MATRIX,
    ),
    Planted(
        "what ends the process is looked for in the outermost group only",
        "support/guests.py",
        "    for leaf in leaves(error):",
        "    for leaf in (error, *getattr(error, 'exceptions', ())):",
        _FATAL,
    ),
    Planted(
        "a Retry that cannot be shown ends its carrier",
        "execution/runs.py",
        'asks to try again after %g s", run.id, error.after)',
        'asks to %s", run.id, str(error))',
        _MATRIX,
    ),
)
