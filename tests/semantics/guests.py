"""One scheduler that other tasks keep busy, a logger and handlers that misbehave, and a check of what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any, Final

from interval_scheduler import IntervalTask, Retry, Scheduler, current_run
from interval_scheduler.config.options import Delivery
from tests.misbehaving import KINDS, Incomparable, Kind, UnprintableRetry
from tests.proxy import Proxy
from tests.semantics.guest_handlers import GuestLog, Handlers
from tests.waiting import until

PLACES: Final = 4
OF_EXECUTION: Final = ("run", "run-error", "stuck", "clock-jump")
#: A connection that is lost again and again comes back more and more slowly: so there is one row for all kinds.
OF_CONNECTION: Final = ("online", "offline", "db-disconnect", "db-reconnect")
LEVELS: Final = ("debug", "info", "warning", "error")
#: The runs of others that must come after a row.
_RUNS: Final = 8
_GRACE: Final = 1.0
incomparable: Final[ContextVar[object]] = ContextVar("incomparable")


async def _asks_unprintably() -> None:
    if current_run().lag < 60 and current_run().id not in _asked:
        _asked.add(current_run().id)
        raise UnprintableRetry


async def _sets_what_cannot_be_compared() -> None:
    incomparable.set(Incomparable())


_asked: Final[set[str]] = set()
#: Kinds that only an executor has.
OF_RUNS: Final[dict[str, Kind]] = {
    "a Retry that cannot be shown": Kind(None, _asks_unprintably),
    "a context variable that cannot be compared": Kind(None, _sets_what_cannot_be_compared),
}


class Guests:
    """A scheduler and its guests. A row is one kind of misbehaviour at one place; `wrong` tells what did not hold."""

    def __init__(self, url: str, namespace: str, delivery: Delivery, proxy: Proxy) -> None:
        self.log = GuestLog()
        self.scheduler = Scheduler.from_url(
            url,
            namespace=namespace,
            delivery=delivery,
            logger=self.log,
            concurrency=PLACES,
            cancel_grace_seconds=_GRACE,
            stuck_after_seconds=0.05,
            reconnect_interval_seconds=0.01,
            check_tasks_every_seconds=0.1,
            drain_seconds=0.1,
        )
        self.wrong: list[str] = []
        self.others = 0
        self._proxy = proxy
        self._gate = asyncio.Event()
        self._may_end = asyncio.Event()
        self._number = 0
        self._told: list[tuple[str, str]] = []
        for event in ("run", "run-error"):
            self.scheduler.on(event, self._teller(event))

    def _teller(self, event: str) -> Callable[..., None]:
        return lambda run, *_: self._told.append((event, run.id))

    async def execute(self, data: str) -> None:
        if data == "others":
            self.others += 1
        elif data == "hold":
            await self._gate.wait()
        elif data == "fail":
            raise ValueError("it does")
        elif data == "ask" and current_run().id not in _asked:
            _asked.add(current_run().id)
            raise Retry(after=0.01)
        elif data == "stay":
            await _outlast(self._may_end)
        elif (kind := KINDS.get(data) or OF_RUNS.get(data)) is not None:
            assert kind.coroutine is not None
            await kind.coroutine()

    async def start(self) -> None:
        incomparable.set(Incomparable())
        await self.scheduler.start_task_accept()
        await self.scheduler.start_task_execute(self.execute)
        await self.scheduler.assign_tasks([IntervalTask(f"others:{n}", "others", every=0.02) for n in range(4)])

    async def try_run(self, name: str, kind: Kind, **options: Any) -> None:
        """A row: an executor misbehaves."""
        if not kind.ends:
            options["timeout"] = 0.03
        async with self._row(f"executor, {name}, {options}"):
            task_id = await self._run("bad", name, **options)
            await self._ended(task_id)
            assert self._told.count(("run-error", task_id)) == (kind.async_error is not None)
            assert (
                self.log.errors_of(f"the run of task {task_id!r} failed")
                == [kind.async_error][: kind.async_error is not None]
            )
            assert len(self.log.errors) == (kind.async_error is not None)

    async def try_run_that_stays(self) -> None:
        """A row: an executor ignores for some time that it is cancelled."""
        async with self._row("executor, stays"):
            task_id = await self._run("bad", "stay", timeout=0.03)
            await until(lambda: self.log.errors)
            self._may_end.set()
            await self._ended(task_id)
            assert ("run-error", task_id) not in self._told
            (told,) = self.log.errors
            assert told.getMessage().startswith(f"the run of task {task_id!r} did not end within 1 s")

    async def try_handlers_of_execution(self, name: str, kind: Kind) -> None:
        """A row: handlers misbehave, each once, functions and coroutine functions."""
        async with self._row(f"handlers of an execution, {name}"):
            with Handlers(self.scheduler, OF_EXECUTION, [kind]) as handlers:
                task_id = await self._run("bad", "fail")
                self._jump()
                for _ in range(PLACES):
                    await self._run("hold", "hold")
                await until(lambda: handlers.are_called)
                self._gate.set()
            await self._ended(task_id)
            assert self._told.count(("run-error", task_id)) == 1
            await handlers.check(self.log)

    async def try_handlers_of_connection(self) -> None:
        """A row: the same when a partition is lost, and when it returns."""
        async with self._row("handlers of a connection"):
            with Handlers(self.scheduler, OF_CONNECTION, KINDS.values()) as handlers:
                self._proxy.refusing = True
                self._proxy.cut()
                await until(lambda: not self.scheduler.online)
                self._proxy.refusing = False
                await until(lambda: handlers.are_called)
            await handlers.check(self.log)

    async def try_logger(self, name: str, act: Callable[[], object], error: type[BaseException] | None) -> None:
        """A row: each of the four methods of the logger misbehaves once."""
        async with self._row(f"logger, {name}") as stderr:
            self.log.acts = dict.fromkeys(LEVELS, act)
            bad, asks = await self._run("bad", "fail"), await self._run("asks", "ask")
            await self._ended(bad)
            await self._ended(asks)
            self._jump()
            await until(lambda: "warning" not in self.log.acts)
            await self._restart()
            assert self.log.acts == {}
            assert self._told.count(("run-error", bad)) == 1
            lines = stderr.getvalue().splitlines()
            for level in LEVELS:
                told = [line for line in lines if line.startswith("interval_scheduler:") and f"; {level}: " in line]
                # An error that is logged by a method without keyword arguments has its traceback in the message.
                is_told = error is not None and not (error is TypeError and level == "error")
                assert len(told) == is_told, f"{level}: {told}"
                assert error is None or all(f"raised {error.__name__};" in line for line in told)

    async def end(self) -> None:
        """Stop and close in order; nothing of the guests is left in the execution."""
        execution = self.scheduler._executing._execution
        assert execution is not None
        runner = execution._runner
        async with asyncio.timeout(60):
            await self.scheduler.stop_task_execute()
            assert (runner.running, runner._carriers, runner.room.taken) == (set(), 0, 0)
            self.log.records.clear()
            await self.scheduler.close()
        (told,) = [record.getMessage() for record in self.log.records if "handlers of events" in record.getMessage()]
        hanging = sum(not kind.ends for kind in KINDS.values())
        assert told.endswith(", ".join(f"{hanging} of {event!r}" for event in sorted((*OF_CONNECTION, *OF_EXECUTION))))
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("interval_scheduler")]

    @contextlib.asynccontextmanager
    async def _row(self, name: str) -> AsyncIterator[io.StringIO]:
        self.log.records.clear()
        self._told.clear()
        self._gate.clear()
        _asked.clear()
        stderr = io.StringIO()
        try:
            with contextlib.redirect_stderr(stderr):
                yield stderr
                before = self.others
                await until(lambda: self.others >= before + _RUNS)
                assert self.scheduler.online
                assert self.scheduler.executing_tasks
                health = await self.scheduler.check_health()
                assert health.ok, health
        except Exception as error:  # all rows are tried, and what is wrong is told together
            self.wrong.append(f"{name}: {type(error).__name__}: {error}")
            if not self.scheduler.executing_tasks:
                raise
        finally:
            self._gate.set()

    async def _run(self, name: str, data: str, **options: Any) -> str:
        """Assign a task with a new id, which is due once, and recurring so that it does not end as dead."""
        self._number += 1
        task_id = f"{name}:{self._number}"
        await self.scheduler.assign_task(IntervalTask(task_id, data, every=3600, **options))
        return task_id

    async def _ended(self, task_id: str) -> None:
        """Wait until a run has ended, here and in Redis."""

        async def waits() -> bool:
            task = await self.scheduler.get_task(task_id)
            return task is not None and task.state == "waiting" and task.next_run - time.time() > 60

        await until(lambda: ("run", task_id) in self._told)
        await until(waits)

    async def _restart(self) -> None:
        await self.scheduler.stop_task_execute()
        await self.scheduler.start_task_execute(self.execute)

    def _jump(self) -> None:
        """Have the server's clock appear to have jumped since the last claim."""
        execution = self.scheduler._executing._execution
        assert execution is not None
        clock = execution._firsts[0]._load.clock
        assert clock._least is not None
        clock._least -= 100
        clock._most -= 100


async def _outlast(may_end: asyncio.Event) -> None:
    while not may_end.is_set():
        with contextlib.suppress(asyncio.CancelledError):  # it has to take longer than the grace
            await may_end.wait()
