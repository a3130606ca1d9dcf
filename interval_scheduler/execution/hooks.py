"""Hooks around runs, and around calls that assign tasks, for those who trace them. Without any they cost nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final, Generic, NamedTuple, TypeVar

from ..errors import InvalidValue
from .executor import AnyCall
from .run import TaskRun, current_run

#: Wraps each call of an executor: it gets the namespace, the run or the runs of the batch, and what calls the executor.
RunHook = Callable[[str, Sequence[TaskRun], Callable[[], Awaitable[object]]], Awaitable[object]]
#: Wraps each call that assigns tasks: it gets the namespace, and gives the trace that the tasks carry, or `None`.
AssignHook = Callable[[str], AbstractContextManager[str | None]]

_Hook = TypeVar("_Hook")
_TRACE: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


class _Registered(NamedTuple, Generic[_Hook]):
    namespace: str | None
    hook: _Hook


class Hooks:
    """The hooks of a namespace with its queues."""

    def __init__(self) -> None:
        self._runs: list[_Registered[RunHook]] = []
        self._assigns: list[_Registered[AssignHook]] = []
        #: True if a call that assigns tasks has to look for hooks.
        self.wraps_assigns = False

    def add_runs(self, namespace: str | None, hook: RunHook) -> Callable[[], None]:
        """Wrap the runs of one namespace, or of all; return what ends that."""
        added = _Registered(namespace, hook)
        self._runs.append(added)
        return lambda: _remove(self._runs, added)

    def add_assigns(self, namespace: str | None, hook: AssignHook) -> Callable[[], None]:
        """Wrap the calls that assign tasks; as `add_runs`."""
        added = _Registered(namespace, hook)
        self._assigns.append(added)
        self.wraps_assigns = True

        def off() -> None:
            _remove(self._assigns, added)
            self.wraps_assigns = bool(self._assigns)

        return off

    def around(self, namespace: str, executor: AnyCall, *, in_batches: bool) -> AnyCall:
        """Return an executor with the hooks around it; the executor itself if there are none."""
        if not _of(self._runs, namespace):
            return executor

        async def execute(data: Any) -> object:
            runs = data if in_batches else (current_run(),)
            call: Callable[[], Awaitable[object]] = functools.partial(executor, data)
            for hook in reversed(_of(self._runs, namespace)):
                call = functools.partial(hook, namespace, runs, call)
            return await call()

        return execute

    @contextmanager
    def assigning(self, namespace: str) -> Iterator[bytes]:
        """Wrap a call that assigns tasks; the block gets the trace that they carry, empty for none.

        Raises:
            InvalidValue: a hook gives what is no trace.
            BaseException: what the block or a hook raises.
        """
        trace, failed = b"", None
        with ExitStack() as stack:
            for hook in _of(self._assigns, namespace):
                given = stack.enter_context(hook(namespace))
                trace = trace if given is None else _checked(given)
            try:
                yield trace
            except BaseException as error:
                failed = error
                raise
        if failed is not None:  # a hook swallowed it: the caller would take the task for assigned
            raise failed


def _of(registered: Sequence[_Registered[_Hook]], namespace: str) -> list[_Hook]:
    return [each.hook for each in registered if each.namespace is None or each.namespace == namespace]


def _remove(registered: list[_Registered[_Hook]], one: _Registered[_Hook]) -> None:
    registered[:] = [each for each in registered if each is not one]


def _checked(trace: str) -> bytes:
    if not isinstance(trace, str) or _TRACE.fullmatch(trace) is None:
        raise InvalidValue("trace", "must be 1 to 64 letters, digits and hyphens, as a traceparent is")
    return trace.encode()
