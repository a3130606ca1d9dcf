"""A kind of tasks: an executor, the queue whose tasks it runs, and the type of their payloads."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from inspect import Parameter
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, Unpack

from .. import ConfigurationError, IntervalTask, InvalidType, Scheduler, TaskRun
from .payloads import codec_of
from .rules import TaskChanges, TaskRules
from .wanted import Wanted, wanted_by

Payload = TypeVar("Payload")
Rest = ParamSpec("Rest")

#: A payload that was not given, since `None` may be one.
_NOT_GIVEN: Final[Any] = object()
#: The annotations that an executor of batches may have; of the first, nothing is known.
_LISTS: Final[tuple[Any, ...]] = (Parameter.empty, Any, list, list[TaskRun])


class Kind(Generic[Payload, Rest]):
    """A coroutine function that `@worker.executor` has bound. It can be called as the plain function.

    Attributes:
        queue: the name of the queue whose tasks it runs; `None`: those of the namespace itself.
        function: the coroutine function.
        concurrency: the most runs at once, or batches; `None`: the option of the scheduler.
        batch: the most runs that one call gets; `None`: single runs.
        options: the further options of its queue.

    Args:
        function: the coroutine function.
        queue: the name of the queue.
        concurrency: the most runs at once.
        batch: the most runs of a batch.
        options: the further options of its queue.
        scheduler: returns the scheduler of this kind in the running worker.

    Raises:
        ConfigurationError: the function does not take what an executor is called with.
    """

    def __init__(
        self,
        function: Callable[Concatenate[Payload, Rest], Coroutine[Any, Any, Any]],
        queue: str | None,
        concurrency: int | None,
        batch: int | None,
        options: Mapping[str, Any],
        scheduler: Callable[[str | None], Scheduler],
    ) -> None:
        self.function = function
        self.queue = queue
        self.concurrency = concurrency
        self.batch = batch
        self.options = dict(options)
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", "executor")
        self.wanted: Final[Wanted] = wanted_by(function)
        self._scheduler = scheduler
        if batch is not None and self.wanted.payload not in _LISTS:
            raise ConfigurationError("executor", f"gets batches: {self.wanted.name} must take a list[TaskRun]")
        if batch is not None and self.wanted.run is not None:
            raise ConfigurationError("executor", f"gets batches: {self.wanted.name} cannot take one TaskRun besides")
        # A batch is a list of runs: which types their payloads have, only the executor knows.
        self._codec = codec_of(self.wanted.payload if batch is None else Any)

    def __call__(self, payload: Payload, *args: Rest.args, **options: Rest.kwargs) -> Coroutine[Any, Any, Any]:
        """Call the function itself."""
        return self.function(payload, *args, **options)

    def __repr__(self) -> str:
        return f"Kind({self.__name__}, queue={self.queue!r})"

    @property
    def decode(self) -> Callable[[str | bytes], Any] | None:
        """What reads a payload before each run; `None` if the executor gets it as it is."""
        return self._codec.decode

    def task(self, id: str, payload: Payload = _NOT_GIVEN, **rules: Unpack[TaskRules]) -> IntervalTask:  # noqa: A002
        """Return a task of this kind, ready to be assigned.

        Args:
            id: its id.
            payload: the payload, of the type of the executor's first parameter. Default: an empty string, for an
                executor that takes strings.
            **rules: as for `IntervalTask`.

        Raises:
            InvalidValue, InvalidType: the id, the payload or a rule cannot be used.
        """
        if payload is _NOT_GIVEN:
            if self.decode is not None:
                raise InvalidType("payload", f"must be given: {self.__name__} takes more than a string")
            return IntervalTask(id, **rules)
        return IntervalTask(id, self._codec.encode(payload), **rules)

    async def assign(self, id: str, payload: Payload = _NOT_GIVEN, **rules: Unpack[TaskRules]) -> bool:  # noqa: A002
        """Assign a task of this kind by the running worker.

        Args:
            id: its id.
            payload: as for `task`.
            **rules: as for `IntervalTask`.

        Returns:
            `True` if it is new, `False` if it was updated.

        Raises:
            NotConnected: the worker does not run in this process.
            SchedulerError: as for `Scheduler.assign_task`.
        """
        task = self.task(id, payload, **rules)
        return await self._scheduler(self.queue).assign_task(task)

    async def update(
        self,
        id: str,  # noqa: A002 - the name that it has everywhere
        payload: Payload = _NOT_GIVEN,
        **changes: Unpack[TaskChanges],
    ) -> bool:
        """Change what is given of a scheduled task, and nothing else, in one atomic step.

        Args:
            id: its id.
            payload: the new payload. Default: it stays.
            **changes: as for `Scheduler.update_task`.

        Returns:
            `False` if it is not scheduled.

        Raises:
            NotConnected: the worker does not run in this process.
            SchedulerError: as for `Scheduler.update_task`.
        """
        if "data" in changes:
            raise InvalidType("payload", "must be given as the payload, not as data")
        given: dict[str, Any] = {} if payload is _NOT_GIVEN else {"data": self._codec.encode(payload)}
        return await self._scheduler(self.queue).update_task(id, **given, **changes)

    async def remove(self, id: str) -> bool:  # noqa: A002 - the name that it has everywhere
        """Take a task off the schedule.

        Returns:
            `True` if it was scheduled.

        Raises:
            NotConnected: the worker does not run in this process.
            SchedulerError: as for `Scheduler.remove_task`.
        """
        return await self._scheduler(self.queue).remove_task(id)
