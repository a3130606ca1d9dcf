"""The `Worker`: executors bound to queues, and the process that runs them."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Concatenate, TypeVar, Unpack, overload

from .. import AlreadyExecuting, ConfigurationError, FlatOptions, NotConnected, Scheduler
from ..environment import URLS, options_from, urls_from
from .calling import Hook, executor_for
from .choosing import chosen_queues
from .endings import obeying, stopped_together, until_asked
from .kind import Kind, Payload, Rest
from .lifespans import Lifespan, entered
from .signals import Signals, signals_noted
from .started import Started, started
from .typos import tell_typos

_Hook = TypeVar("_Hook", bound=Hook)
_Function = Callable[Concatenate[Payload, Rest], Coroutine[Any, Any, Any]]


class Worker:
    """Executors of one namespace, each bound to the queue whose tasks it runs.

    Nothing is connected before it runs. A queue without an executor here is not touched by this worker.

    Args:
        *urls: the URLs of the partitions, as for `Scheduler.from_url`. The environment variable
            `INTERVAL_SCHEDULER_REDIS`, which has them with blanks between, takes their place.
        lifespan: makes what the executors share: a function that returns an asynchronous context manager, called with
            the scheduler if it takes an argument. It is entered once the scheduler is connected and before the first
            run, and left after the last one. It yields a mapping, whose values executors get by name, or nothing.
        logger: as for `Scheduler`.
        **options: as for `Scheduler.from_url`. Environment variables such as `INTERVAL_SCHEDULER_CONCURRENCY` take
            their place.

    Example:
        ```python
        @asynccontextmanager
        async def lifespan():
            async with httpx.AsyncClient() as http:
                yield {"http": http}


        worker = Worker("redis://localhost:6379/0", lifespan=lifespan)


        @worker.executor("mail", concurrency=5)
        async def send_mail(mail: Mail, *, http: httpx.AsyncClient) -> None: ...


        asyncio.run(worker.run())
        ```
    """

    def __init__(
        self, *urls: str, lifespan: Lifespan | None = None, logger: Any = None, **options: Unpack[FlatOptions]
    ) -> None:
        self._urls = urls
        self._lifespan = lifespan
        self._logger = logger
        self._options = options
        self._kinds: dict[str | None, Kind[Any, Any]] = {}
        self._hooks: list[Hook] = []
        self._scheduler: Scheduler | None = None
        self._is_running = False

    # Binding

    @overload
    def executor(self, function: _Function[Payload, Rest], /) -> Kind[Payload, Rest]: ...

    @overload
    def executor(
        self, queue: str | None = None, /, *, concurrency: int | None = None, batch: None = None, **options: Any
    ) -> Callable[[_Function[Payload, Rest]], Kind[Payload, Rest]]: ...

    @overload
    def executor(
        self, queue: str | None = None, /, *, concurrency: int | None = None, batch: int, **options: Any
    ) -> Callable[[_Function[Any, Rest]], Kind[Any, Rest]]: ...

    def executor(
        self, bound: Any = None, /, *, concurrency: int | None = None, batch: int | None = None, **options: Any
    ) -> Any:
        """Bind a coroutine function to the tasks of a queue; `@worker.executor` to those of the namespace itself.

        It gets the payload as its first argument, read as its annotation says: `str` and `bytes` as they are, anything
        else from JSON. Keyword-only parameters get what the lifespan yields by that name; one that is annotated with
        `TaskRun` gets the run.

        Args:
            bound: the name of the queue; or the function, if the decorator has no arguments.
            concurrency: the most runs at once in this process, or batches. Default: the option of the worker.
            batch: the most runs that one call gets, as a `list[TaskRun]`. Default: single runs.
            **options: options that the queue has of its own, as for `Scheduler.queue`.

        Returns:
            The kind: call it as the function, or assign tasks by it.

        Raises:
            ConfigurationError: there is an executor for this queue, or the function cannot be one.
        """
        if callable(bound):
            return self._bind(bound, None, concurrency, batch, options)
        return lambda function: self._bind(function, bound, concurrency, batch, options)

    def _bind(
        self, function: Any, queue: str | None, concurrency: int | None, batch: int | None, options: dict[str, Any]
    ) -> Kind[Any, Any]:
        if not inspect.iscoroutinefunction(function):
            raise ConfigurationError("executor", f"must be a coroutine function, not {function!r}: write 'async def'")
        if queue in self._kinds:
            there = "the namespace itself" if queue is None else f"the queue {queue!r}"
            raise ConfigurationError("executor", f"is bound to {there}, which has {self._kinds[queue].__name__}")
        if queue is None and options:
            raise ConfigurationError(min(options), "is an option of the worker, not of the executor of the namespace")
        kind: Kind[Any, Any] = Kind(function, queue, concurrency, batch, options, self._scheduler_of)
        self._kinds[queue] = kind
        return kind

    def around(self, hook: _Hook) -> _Hook:
        """Wrap each run: `async def hook(run, call)` awaits `call()`, which carries the run out.

        Hooks go in the order in which they were given, the first one outermost. What leaves the outermost one is the
        result of the run. With batches, `run` is the list of runs.

        Raises:
            ConfigurationError: it is no coroutine function.
        """
        is_fine: bool = inspect.iscoroutinefunction(hook)  # said so, since it would narrow the type of the hook
        if not is_fine:
            raise ConfigurationError("hook", f"must be a coroutine function, not {hook!r}: write 'async def'")
        try:
            inspect.signature(hook).bind(None, None)
        except TypeError:
            raise ConfigurationError("hook", f"{hook.__qualname__} must take two arguments: run, call") from None
        self._hooks.append(hook)
        return hook

    @property
    def kinds(self) -> tuple[Kind[Any, Any], ...]:
        """The kinds, in the order in which they were bound."""
        return tuple(self._kinds.values())

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler of the namespace, while the worker runs.

        Raises:
            NotConnected: it does not run.
        """
        return self._scheduler_of(None)

    def _scheduler_of(self, queue: str | None) -> Scheduler:
        if self._scheduler is None:
            raise NotConnected("the worker is not running in this process: use 'async with worker.running()'")
        return self._scheduler if queue is None else self._scheduler.queue(queue, **self._kinds[queue].options)

    # Running

    @asynccontextmanager
    async def running(self, scheduler: Scheduler | None = None, **state: Any) -> AsyncIterator[Scheduler]:
        """Run the worker for the length of a block, inside of an application or of a test.

        Args:
            scheduler: the scheduler to use, such as that of a time machine; it stays connected after the block.
                Default: one of its own, by the URLs and options, closed with the block.
            **state: what the executors get by name, instead of what the lifespan yields: with any of it, the lifespan
                is not entered.

        Yields:
            The scheduler of the namespace, connected and accepting.

        Raises:
            ConfigurationError: an executor asks for what nobody provides, or an option cannot be used.
            AlreadyExecuting: the worker runs already.
            SchedulerError: as for `Scheduler.connect` and `Scheduler.start_task_execute`.
        """
        async with self._running(scheduler, state, tuple(self._kinds)) as (used, _):
            yield used

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Scheduler]:
        """Connect for the length of a block and execute nothing: the kinds can assign. The lifespan is not entered.

        Yields:
            The scheduler of the namespace, connected and accepting.

        Raises:
            ConfigurationError: an option cannot be used.
            AlreadyExecuting: the worker runs already.
            SchedulerError: as for `Scheduler.connect`.
        """
        async with self._running(None, {}, ()) as (used, _):
            yield used

    async def run(self, *urls: str, only: Collection[str] | None = None, **options: Unpack[FlatOptions]) -> None:
        """Run the worker until SIGTERM or SIGINT: then runs in progress may end, for `drain_seconds` at the most.

        A second signal cuts them short: they are handed back; five seconds later, a lifespan that has not ended is
        cancelled. A signal while the worker starts cancels that. After the second one, signals do what they did before.

        Args:
            *urls: URLs that take the place of all others.
            only: the names of the queues to execute; `""` is the namespace itself. Default: all that have an executor.
            **options: options that take the place of all others.

        Raises:
            ConfigurationError: as for `running`, or there is no executor, or none for a queue of `only`.
            ExecutionEnded: the execution of tasks ended without being asked to.
            SchedulerError: as for `Scheduler.connect`.
        """
        with signals_noted() as signals:
            await self.obey(signals, *urls, only=only, **options)

    async def obey(
        self,
        signals: Signals,
        *urls: str,
        only: Collection[str] | None = None,
        on_start: Callable[[Started], object] | None = None,
        **options: Unpack[FlatOptions],
    ) -> None:
        """Run the worker as `run` does, until `signals` says that it has to end, wherever that comes from.

        Args:
            signals: its events take the place of the first signal and of the second one.
            *urls: as for `run`.
            only: as for `run`.
            on_start: called once, when all executors are at work.
            **options: as for `run`.

        Raises:
            SchedulerError: as for `run`.
        """
        queues = chosen_queues(only, tuple(self._kinds))
        with obeying(signals) as begun:
            settled = self._settled(options)
            made = self._made(urls, settled)
            async with self._running(None, {}, queues, made, signals) as (scheduler, executing):
                begun.set()
                if on_start is not None:
                    on_start(started(scheduler, executing, [self._kinds[name] for name in queues], settled))
                await until_asked(signals, executing)

    def _settled(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options: the environment is stronger than the code, and the caller of `run` than both."""
        tell_typos(os.environ, self._logger)
        return {**self._options, **options_from(os.environ), **options}

    def _made(self, urls: tuple[str, ...], settled: Any) -> Scheduler:
        urls = urls or urls_from(os.environ) or self._urls
        if not urls:
            raise ConfigurationError("urls", f"are missing: give some to the Worker, or set {URLS}")
        return Scheduler.from_url(*urls, logger=self._logger, **settled)

    @asynccontextmanager
    async def _running(
        self,
        given: Scheduler | None,
        state: Mapping[str, Any],
        queues: tuple[str | None, ...],
        made: Scheduler | None = None,
        signals: Signals | None = None,
    ) -> AsyncIterator[tuple[Scheduler, list[Scheduler]]]:
        if self._is_running:
            raise AlreadyExecuting("the worker is running already: one of its own for each event loop")
        self._is_running = True
        try:
            scheduler = given or made or self._made((), self._settled({}))
            kinds = [self._kinds[name] for name in queues]
            # Asked for before the connection is made, so that they connect with it.
            schedulers = [scheduler if k.queue is None else scheduler.queue(k.queue, **k.options) for k in kinds]
            async with AsyncExitStack() as stack:
                if given is None:
                    await stack.enter_async_context(scheduler)
                else:
                    await scheduler.start_task_accept()
                shared = self._lifespan if kinds else None
                found = state or await stack.enter_async_context(entered(shared, scheduler))
                arguments = [kind.wanted.filled(found) for kind in kinds]
                self._scheduler = scheduler
                stack.callback(self._forget)
                await stack.enter_async_context(stopped_together(schedulers, signals))
                for kind, of_kind, filled in zip(kinds, schedulers, arguments, strict=True):
                    await self._start(kind, of_kind, filled)
                yield scheduler, schedulers
        finally:
            self._is_running = False

    def _forget(self) -> None:
        self._scheduler = None

    async def _start(self, kind: Kind[Any, Any], scheduler: Scheduler, filled: dict[str, Any]) -> None:
        in_batches = kind.batch is not None
        execute: Any = executor_for(
            kind.function, filled, kind.wanted.run, kind.decode, self._hooks, in_batches=in_batches
        )
        await scheduler.start_task_execute(execute, concurrency=kind.concurrency, batch=kind.batch)
