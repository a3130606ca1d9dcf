"""The schedulers inside of a time machine, the application's own among them, differ in four ways from those outside.

- They look for lost signals once an hour, and their leases last an hour: within one process no signal is lost and no
  other process dies, and each look costs as much as a run.
- They count nothing, since each report costs as much as a run.
- Their failed runs are noted.
- Their calls that wait for runs, or for locks, move the clock if nobody else does.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Final
from unittest import mock
from weakref import WeakSet

from .. import Lock, Scheduler, SchedulerOptions
from ..config.options import to_options
from .moved_time import MovedTime

#: Seconds between two looks that find nothing, as a rule; and the length of a lease.
UNHURRIED: Final = 3600.0
#: The calls that wait for something that takes time.
_WAITING: Final = (
    "__aexit__",
    "clear_all_tasks",
    "close",
    "connect",
    "remove_task",
    "remove_tasks",
    "start_task_execute",
    "stop_task_execute",
    "sync_tasks",
)
#: Those of them before which the clock is checked.
_OPENING: Final = ("connect", "start_task_execute")
#: The longest way of the clock for one of these calls, in seconds.
LONGEST_CALL: Final = 86_400.0


def unhurried(options: SchedulerOptions) -> SchedulerOptions:
    """Return the options of a scheduler on the embedded engine for a machine; those of another as they are.

    A lease of another length than the default is kept, since it was chosen.
    """
    storage = options.storage
    if any(instance.memory is None for instance in storage.instances):
        return options
    return replace(
        options,
        check_tasks_every_seconds=max(UNHURRIED, options.check_tasks_every_seconds),
        lease_seconds=UNHURRIED if options.lease_seconds == SchedulerOptions().lease_seconds else options.lease_seconds,
        statistics=False,
        storage=replace(storage, operation_timeout_seconds=max(UNHURRIED, storage.operation_timeout_seconds)),
    )


class _PatientLock(AbstractAsyncContextManager[Lock]):
    """A lock; time moves while it is waited for."""

    def __init__(self, lock: AbstractAsyncContextManager[Lock], moved: MovedTime) -> None:
        self._lock = lock
        self._moved = moved

    async def __aenter__(self) -> Lock:
        with self._moved.journey(LONGEST_CALL):
            return await self._lock.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._lock.__aexit__(kind, error, trace)


class Schedulers:
    """Makes schedulers patient while a machine is open.

    Args:
        moved: the time of the machine.
        check: called before each call; it raises if the clock is no longer the machine's.
        on_failed: the handler of failed runs; `None`: failed runs are logged only.
    """

    def __init__(self, moved: MovedTime, check: Callable[[], None], on_failed: Callable[..., None] | None) -> None:
        self._moved = moved
        self._check = check
        self._on_failed = on_failed
        self._known: WeakSet[Scheduler] = WeakSet()
        self._exact = False
        self._undo = ExitStack()

    def make(self, url: str, options: Mapping[str, Any]) -> Scheduler:
        """Make a scheduler of the machine, with the options that were asked for as they are."""
        self._exact = True
        defaults = {
            "check_tasks_every_seconds": UNHURRIED,
            "lease_seconds": UNHURRIED,
            "operation_timeout_seconds": UNHURRIED,
            "statistics": False,
        }
        try:
            return Scheduler.from_url(url, **(defaults | dict(options)))
        finally:
            self._exact = False

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Change the calls of the class for the length of a block; they are as ever for those outside."""
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(Scheduler, "__init__", self._init(Scheduler.__init__)))
            stack.enter_context(mock.patch.object(Scheduler, "lock", self._lock(Scheduler.lock)))
            for name in _WAITING:
                stack.enter_context(mock.patch.object(Scheduler, name, self._call(getattr(Scheduler, name))))
            try:
                yield
            finally:
                self._undo.close()

    def _init(self, real: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(real)
        def init(scheduler: Scheduler, options: Any = None, logger: Any = None) -> None:
            if self._moved.adopt() and not self._exact:
                options = unhurried(to_options(options))
            real(scheduler, options, logger)

        return init

    def _lock(self, real: Callable[..., AbstractAsyncContextManager[Lock]]) -> Callable[..., Any]:
        @functools.wraps(real)
        def lock(scheduler: Scheduler, *args: Any, **options: Any) -> AbstractAsyncContextManager[Lock]:
            made = real(scheduler, *args, **options)
            return _PatientLock(made, self._moved) if self._moved.adopt() else made

        return lock

    def _call(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(real)
        async def call(scheduler: Scheduler, *args: Any, **options: Any) -> Any:
            if not self._moved.adopt():
                return await real(scheduler, *args, **options)
            if real.__name__ in _OPENING:
                self._check()
            if self._on_failed is not None and scheduler not in self._known:
                self._known.add(scheduler)
                self._undo.callback(scheduler.on("run-error", self._on_failed))
            with self._moved.journey(LONGEST_CALL):
                return await real(scheduler, *args, **options)

        return call
