"""The public calls for those who observe a scheduler, such as `interval_scheduler.telemetry`; of both schedulers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import InvalidType, InvalidValue
from ..execution.hooks import AssignHook, RunHook
from ..execution.samples import SampleHandler
from ..model.counts import Counts
from .core import Core
from .family import Family

_MOST_SAMPLES = 10_000


class ObservingCalls:
    """The calls of a `Scheduler` and of a `BlockingScheduler` for those who observe it.

    Args:
        core: the parts of the scheduler.
        family: its namespace with all queues.
    """

    def __init__(self, core: Core, family: Family) -> None:
        self._observed = core
        self._observed_family = family

    def counts(self) -> Counts:
        """Tell what this scheduler counted in this process since it was made, and how it is at the moment.

        It reads memory only, never waits, needs no connection, and may be called in any thread. The counts go on over
        `close` and `connect`. They are there with `statistics=False` too.

        Returns:
            The counts, with those of the queues that were asked for in this process, unless this is a queue.
        """
        core = self._observed
        if core is not self._observed_family.root:
            return core.counts()
        return replace(core.counts(), queues={each.name: each.counts() for each in self._observed_family.asked()})

    def sample_runs(self, handler: SampleHandler, per_second: int = 200) -> Callable[[], None]:
        """Call a function with a sample of the runs that end by themselves, also of the queues of this namespace.

        The namespace and each queue have a sample of their own, so that a busy one does not crowd the others out. In a
        second with more runs than are sampled, each of them has the same chance. The sample is told a second after the
        first of them, or when an execution ends.

        Args:
            handler: the function; it is called in the event loop with a list of `RunSample`s, and must not block. What
                it raises is logged, once, and disturbs nothing.
            per_second: the most runs of a second, of each namespace or queue, from 1 to 10,000. Default 200.

        Returns:
            A function that ends it.

        Raises:
            InvalidType, InvalidValue: a bad argument; the message names it.
        """
        _check_function("handler", handler)
        if isinstance(per_second, bool) or not isinstance(per_second, int):
            raise InvalidType("per_second", f"must be a whole number, not {type(per_second).__name__}")
        if not 1 <= per_second <= _MOST_SAMPLES:
            raise InvalidValue("per_second", f"must be from 1 to {_MOST_SAMPLES}, got {per_second}")
        return self._observed.observers.listeners.add(self._scope, handler, per_second)

    def around_runs(self, hook: RunHook) -> Callable[[], None]:
        """Wrap each run of the executions that start from now on, also of the queues of this namespace.

        Args:
            hook: a coroutine function, called with the namespace, the run in a sequence (or all runs of a batch), and
                what carries it out: `await call()`, once. What it raises is the result of the run. Of several hooks,
                the first one is the outermost.

        Returns:
            A function that takes it off, at once.

        Raises:
            InvalidType: it is no function.
        """
        _check_function("hook", hook)
        return self._observed.observers.hooks.add_runs(self._scope, hook)

    def around_assigns(self, hook: AssignHook) -> Callable[[], None]:
        """Wrap each call of `assign_task` and `assign_tasks`, also those of the queues of this namespace.

        Args:
            hook: a function, called with the namespace, once for a call of many tasks; it returns a context manager.
                The call is made inside of that. The text that the context manager gives, of 1 to 64 letters, digits
                and hyphens, is carried by each task and told by `TaskRun.trace`, until the task is assigned again.
                `None`: nothing is carried. Any other value is an `InvalidValue` of the call. What the hook raises is
                raised by the call; it cannot swallow an error of the call.

        Returns:
            A function that takes it off, at once.

        Raises:
            InvalidType: it is no function.
        """
        _check_function("hook", hook)
        return self._observed.observers.hooks.add_assigns(self._scope, hook)

    @property
    def _scope(self) -> str | None:
        """The namespace of a queue; `None` for a namespace with all of its queues."""
        core = self._observed
        return None if core is self._observed_family.root else core.observers.namespace


def _check_function(field: str, given: object) -> None:
    if not callable(given):
        raise InvalidType(field, f"must be a function, not {type(given).__name__}")
