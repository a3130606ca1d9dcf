"""A program that uses the whole public API, with what a type checker must make of each result. Never run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, Unpack, assert_type

from interval_scheduler import (
    Action,
    ActionPage,
    AlreadyExecuting,
    AssignCounts,
    AuditReport,
    BatchFailed,
    BlockingScheduler,
    CardRun,
    ConfigurationError,
    Counts,
    DeadPage,
    DeadTask,
    Finding,
    FlatOptions,
    Forecast,
    Health,
    IntervalTask,
    InvalidType,
    InvalidValue,
    Lock,
    LockError,
    LockLost,
    LockTimeout,
    NotAcceptingTasks,
    OutcomeUnknown,
    Overview,
    PartitionCounts,
    PartitionHealth,
    PartitionMove,
    PartitionOffline,
    PartitionOverview,
    PastRun,
    PausedState,
    Point,
    Problem,
    Rate,
    RedisInstance,
    RestoreCounts,
    Retry,
    Rules,
    RunSample,
    ScheduledTask,
    Scheduler,
    SchedulerCard,
    SchedulerError,
    SchedulerOptions,
    SearchPage,
    Series,
    StorageError,
    StorageOptions,
    StorageRefused,
    SyncChange,
    SyncCounts,
    SyncPlan,
    TailedRun,
    Task,
    TaskPage,
    TaskRun,
    UnknownNamespace,
    acting_as,
    check_backup,
    current_run,
    next_runs,
)
from interval_scheduler.telemetry import Instrumentation, instrument
from interval_scheduler.testing import TimeMachine, fake_run, time_machine


async def runs_to_come(scheduler: Scheduler, found: ScheduledTask) -> None:
    assert_type(next_runs(IntervalTask("a", every=60), 3, after=datetime.now(UTC)), list[datetime])
    assert_type(scheduler.next_runs(found), list[datetime])
    assert_type(await scheduler.upcoming(datetime.now(UTC), timedelta(minutes=1), 60), list[int])
    ahead = await scheduler.forecast(3600, buckets=12)
    assert_type(ahead, Forecast)
    assert_type(ahead.runs, tuple[float, ...])
    assert_type(ahead.missing, tuple[str, ...])


async def steering(scheduler: Scheduler, blocking: BlockingScheduler) -> None:
    """Who steered what, when and why."""
    with acting_as("alice@example.com"):
        assert_type(await scheduler.pause_task("a", "why"), bool)
        await scheduler.pause(reason="why")
        assert_type(await scheduler.note_action("remove_task", ["a"], "why"), None)
    blocking.note_action("assign_task", ["a"])
    state = await scheduler.paused()
    assert_type(state, PausedState | None)
    assert_type(blocking.paused(), PausedState | None)
    if state is not None:
        assert_type((state.at, state.who, state.reason), tuple[float | None, str | None, str | None])
    page = await scheduler.actions(None, 10)
    assert_type(page, ActionPage)
    assert_type(blocking.actions(page.after).offline, tuple[str, ...])
    for each in page.actions:
        assert_type(each, Action)
        assert_type((each.at, each.until, each.count), tuple[float, float, int])
        assert_type((each.task_id, each.prefix, each.details), tuple[str | None, str | None, str | None])
        if each.kind == "set_rate":
            assert_type(each.partition, str)
    found = await scheduler.get_task("a")
    if found is not None:
        assert_type(found.paused, PausedState | None)
    assert_type(SchedulerOptions(actor="deploy-bot").actor, str | None)


async def quotas(scheduler: Scheduler, blocking: BlockingScheduler) -> None:
    rate = Rate(100, per=60, burst=5)
    assert_type((rate.count, rate.per, rate.burst), tuple[int, float, int])
    Rate(1, per=timedelta(minutes=1))
    assert_type(await scheduler.set_rate(rate), None)
    assert_type(await scheduler.set_rate(None, group="tenant-7"), None)
    assert_type(await scheduler.get_rate(), Rate | None)
    assert_type(await scheduler.set_group_concurrency({"tenant-7": 1, "*": 5}), None)
    assert_type(await scheduler.set_group_concurrency(5), None)
    assert_type(await scheduler.get_group_concurrency(), dict[str, int] | None)
    assert_type(blocking.get_rate(group="tenant-7"), Rate | None)
    assert_type(blocking.set_group_concurrency(None), None)
    SchedulerOptions(group_concurrency={"tenant-7": 1})


class Full(Task):
    """All members, each of the narrowest type."""

    @property
    def id(self) -> str:
        return "full"

    def serialize(self) -> bytes:
        return b""

    @property
    def on_execute_reschedule_to(self) -> timedelta:
        return timedelta(minutes=15)

    @property
    def execute_on(self) -> datetime:
        return datetime.now(UTC)


class Fixed(Task):
    """Constants instead of properties."""

    id = "fixed"  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    on_execute_reschedule_to = 60  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def serialize(self) -> str:
        return ""


class Logger:
    """Not a logging.Logger."""

    def debug(self, message: str, /, *args: object) -> None: ...
    def info(self, message: str, /, *args: object) -> None: ...
    def warning(self, message: str, /, *args: object) -> None: ...
    def error(self, message: str, /, *args: object) -> None: ...


def make() -> None:
    """Options in all forms."""
    storage = StorageOptions(
        instances=(RedisInstance(), RedisInstance("h", 6379, 1, password="secret")),
        master_index=1,
        reconnect_interval_seconds=0.5,
        task_interval_seconds=60,
        connect_timeout_seconds=1,
        operation_timeout_seconds=1,
        max_connections=8,
        allow_eviction=True,
    )
    options = SchedulerOptions(
        storage=storage,
        check_tasks_every_seconds=10,
        namespace="n",
        concurrency=10,
        prefetch=10,
        delivery="at-most-once",
        lease_seconds=30,
        lease_renewal_seconds=5,
        drain_seconds=1,
    )
    assert_type(Scheduler(options), Scheduler)
    assert_type(Scheduler(), Scheduler)
    assert_type(Scheduler({"checkTasksEverySeconds": 60, "storage": {"masterIndex": 0}}), Scheduler)
    assert_type(Scheduler(options, logging.getLogger()), Scheduler)
    assert_type(Scheduler(None, Logger()), Scheduler)
    assert_type(Scheduler.from_url("redis://a", "redis://b", logger=Logger(), concurrency=5), Scheduler)
    assert_type(RedisInstance.from_url("redis://h"), RedisInstance)
    assert_type(options.storage.instances, Sequence[RedisInstance])


async def assign(scheduler: Scheduler) -> None:
    """Assigning, removing and looking."""
    task = IntervalTask("a", b"data", every=timedelta(seconds=5), start=datetime.now(UTC), repeat="delay")
    assert_type(await scheduler.assign_task(task), bool)
    assert_type(await scheduler.assign_task(Full(), reschedule="interval"), bool)
    assert_type(await scheduler.assign_task(Fixed(), reschedule="start"), bool)
    counts = await scheduler.assign_tasks([task, Full()], reschedule="keep")
    assert_type(counts, AssignCounts)
    assert_type(counts.assigned, int)
    assert_type(counts.updated, int)

    async def source() -> AsyncIterator[Task]:
        yield task

    assert_type(await scheduler.assign_tasks(source()), AssignCounts)
    assert_type(await scheduler.assign_tasks(IntervalTask(str(n)) for n in range(3)), AssignCounts)
    assert_type(await scheduler.remove_task(task), bool)
    assert_type(await scheduler.remove_task("a"), bool)
    assert_type(await scheduler.remove_tasks(["a", task]), int)
    assert_type(await scheduler.clear_all_tasks(), int)
    assert_type(await scheduler.is_scheduled(task), str | bytes | None)
    assert_type(await scheduler.task_size(), int)
    assert_type(await scheduler.queue_size(), int)
    found = await scheduler.get_task("a")
    assert_type(found, ScheduledTask | None)
    if found is not None:
        assert_type(found.to_task(), IntervalTask)
        assert_type(found.rules, Rules)
    if found is not None:
        assert_type(found.id, str)
        assert_type(found.data, str | bytes)
        assert_type(found.every, float | None)
        assert_type(found.next_run, float)
        assert_type(found.next_run_at, datetime)
        assert_type(found.attempt, int)
        assert_type(found.partition, str)
        if found.state == "leased":
            return
        assert_type(found.last_error, str | None)
        assert_type(found.failed_at, float | None)
        assert_type(found.last_run, PastRun | None)
    for past in await scheduler.run_history(task):
        assert_type(past, PastRun)
        assert_type(past.outcome, Literal["ok", "failed", "timed out", "postponed", "crashed"])
        assert_type(past.started + past.lag + past.duration, float)
        assert_type(past.error, str | None)
    page = await scheduler.failing_page(None, 10, newest_first=False)
    assert_type(page, TaskPage)
    assert_type(page.tasks, tuple[ScheduledTask, ...])
    assert_type((await scheduler.failing_page(page.after)).after, str | None)
    async for each in scheduler.tasks(state="waiting", prefix="user:"):
        assert_type(each, ScheduledTask)


async def look(scheduler: Scheduler) -> None:
    """What there is, in numbers and page by page."""
    found = await scheduler.overview()
    assert_type(found, Overview)
    assert_type(found.partitions, tuple[PartitionOverview, ...])
    assert_type(found.waiting + found.leased + found.paused + found.dead + found.failing + found.due, int)
    assert_type(found.partitions[0].oldest_due, float | None)
    assert_type(found.partitions[0].server_time_at, datetime | None)
    assert_type(found.rate, Rate | None)
    assert_type(found.moving, tuple[PartitionMove, ...])
    page = await scheduler.page(due_from=datetime.now(UTC), limit=10)
    assert_type(page, TaskPage)
    assert_type(await scheduler.page("paused", after=page.after), TaskPage)
    assert_type(page.offline, tuple[str, ...])
    assert_type(await scheduler.page("dead"), DeadPage)
    assert_type(await scheduler.get_dead_task("a"), DeadTask | None)
    assert_type((await scheduler.dead_page(None, 10, newest_first=False)).tasks, tuple[DeadTask, ...])
    result = await scheduler.search("user:", budget=1000)
    assert_type(result, SearchPage)
    assert_type(result.rows, tuple[ScheduledTask, ...])
    assert_type((await scheduler.search("user:", after=result.next)).looked + result.total, int)


async def back_up(scheduler: Scheduler) -> None:
    """Exporting and restoring."""
    lines: list[bytes] = []
    async for line in scheduler.export(prefix="user:"):
        assert_type(line, bytes)
        lines.append(line)
    counts = await scheduler.restore(lines, on_conflict="replace")
    assert_type(counts, RestoreCounts)
    assert_type(counts.restored + counts.skipped + counts.replaced, int)
    await scheduler.restore(line.decode() for line in lines)
    await scheduler.restore(scheduler.export())
    assert_type(await scheduler.restore(lines, dry_run=True, after=3, progress=print), RestoreCounts)
    assert_type(check_backup(lines), int)


async def show(scheduler: Scheduler) -> None:
    """Counts, cards and runs as they end."""
    series = await scheduler.statistics(datetime.now(UTC), 2_000_000_000.5, resolution="10m")
    assert_type(series, Series)
    assert_type(series[0], Point)
    assert_type(series[0].runs + series.total.failures, int)
    assert_type(series.total.lag(0.99), float | None)
    for card in await scheduler.schedulers():
        assert_type(card, SchedulerCard)
        assert_type(card.longest, tuple[CardRun, ...])
    async for run in scheduler.tail():
        assert_type(run, TailedRun)


async def _around(namespace: str, runs: Sequence[TaskRun], call: Callable[[], Awaitable[object]]) -> object:
    assert_type(runs[0].trace, str | None)
    return await call()


def observe(scheduler: Scheduler | BlockingScheduler) -> None:
    """Counts that any thread reads, samples of runs, hooks; and the telemetry on top of them."""
    counts = scheduler.counts()
    assert_type(counts, Counts)
    assert_type(counts.partitions[0], PartitionCounts)
    assert_type(counts.queues["mail"].places, int)
    samples: list[RunSample] = []
    off: Callable[[], None] = scheduler.sample_runs(samples.extend, per_second=10)
    off()
    scheduler.around_runs(_around)
    scheduler.around_assigns(lambda namespace: nullcontext("trace"))
    with instrument(scheduler, spans=True, propagate=True, sample=50) as telemetry:
        assert_type(telemetry, Instrumentation)
        telemetry.undo()


async def control(scheduler: Scheduler) -> None:
    """Steering what is scheduled, and what died."""
    assert_type(Rules(history=5).history, int)
    rules = Rules(missed="skip", retries=3, backoff=timedelta(seconds=2), group="tenant-7")
    assert_type(rules.missed, Literal["once", "skip", "all"])
    task = IntervalTask("a", cron="0 6 * * mon-fri", timezone="Europe/Riga", timeout=5, until=datetime.now(UTC))
    assert_type(task.rules, Rules)
    IntervalTask("b", every=60, spread=True, max_runs=3)
    assert_type(await scheduler.pause_task(task), bool)
    assert_type(await scheduler.resume_task("a"), bool)
    assert_type(await scheduler.run_task_now("a"), bool)
    assert_type(await scheduler.cancel_run(task, hand_back=True), bool)
    assert_type(
        Rules(late="skip", start_deadline=5, overlap="once", jitter=timedelta(seconds=2)).late, Literal["run", "skip"]
    )
    assert_type(await scheduler.has_task(task), bool)
    assert_type(await scheduler.update_task("a", every=timedelta(minutes=5), data=b"new", until=None, group=None), bool)
    assert_type(await scheduler.update_task(task, cron="0 6 * * *", timezone="UTC", reschedule="start"), bool)
    assert_type(await scheduler.revive_task(task), bool)
    assert_type(await scheduler.count_tasks(prefix="{a}"), int)
    assert_type(await scheduler.pause_tasks(prefix="{a}", progress=max), int)
    assert_type(await scheduler.pause_tasks(prefix="{a}", reason="why"), int)
    assert_type(await scheduler.resume_tasks(prefix="{a}:b"), int)
    assert_type(await scheduler.clear_tasks(prefix="a"), int)
    await scheduler.pause()
    await scheduler.resume()
    counts = await scheduler.sync_tasks([task], scope="a")
    limited = await scheduler.sync_tasks([], scope="a", reschedule="start", allow_empty=True, max_removed=0.1)
    assert_type(limited, SyncCounts)
    plan = await scheduler.sync_tasks([task], scope="a", max_removed=5, dry_run=True)
    assert_type(plan, SyncPlan)
    assert_type(plan.counts, SyncCounts)
    assert_type(plan.changes[0], SyncChange)
    assert_type(plan.changes[0].id, str)
    IntervalTask("b", start=timedelta(minutes=1))
    assert_type(counts, SyncCounts)
    assert_type(counts.added + counts.updated + counts.unchanged + counts.removed, int)
    async for dead in scheduler.dead_tasks():
        assert_type(dead, DeadTask)
        assert_type(dead.error, str)
    assert_type(await scheduler.revive_task("a"), bool)
    assert_type(await scheduler.clear_dead_tasks(), int)
    async with time_machine(datetime.now(UTC), seed=1) as clock:
        assert_type(clock, TimeMachine)
        assert_type(clock.scheduler(concurrency=5), Scheduler)
        await clock.advance(minutes=5)
        await clock.advance(to=1.0)
        assert_type(await clock.run(scheduler.remove_task("a"), within=60), bool)
    with fake_run(id="a", data=b"", due=datetime.now(UTC), attempt=2, lag=0.5, token=7, partition="p") as faked:
        assert_type(faked, TaskRun)


async def later(_: str) -> None:
    """Asks for another attempt."""
    raise Retry(after=timedelta(seconds=30))


async def executor(data: str) -> None:
    """What runs."""
    run = current_run()
    assert_type(run, TaskRun)
    assert_type(run.id, str)
    assert_type(run.data, str | bytes)
    assert_type(run.due, float)
    assert_type(run.attempt, int)
    assert_type(run.lag, float)
    assert_type(run.token, int)
    assert_type(run.partition, str)
    assert_type(run.duration, float | None)
    assert_type(run.error, BaseException | None)


async def two_arguments(extra: int, data: bytes) -> str:
    """Its result is not used, and may be anything."""
    return f"{extra}{data!r}"


async def executor_of_batches(runs: list[TaskRun]) -> int:
    """Say which runs failed."""
    failed = {run: ValueError(run.id) for run in runs if run.lost}
    assert_type(BatchFailed(failed).errors, Mapping[TaskRun, BaseException])
    raise BatchFailed({run: Retry(after=5) for run in runs})


async def more_arguments(extra: int, runs: Sequence[TaskRun]) -> None:
    """Its runs come last."""


async def execute(scheduler: Scheduler) -> None:
    """Executing and its end."""
    await scheduler.start_task_execute(executor)
    await scheduler.start_task_execute(partial(two_arguments, 1), concurrency=5)
    await scheduler.start_task_execute(executor, batch=None)
    await scheduler.start_task_execute(executor_of_batches, concurrency=5, batch=500)
    await scheduler.start_task_execute(partial(more_arguments, 1), batch=500)
    await scheduler.stop_task_execute(drain_seconds=1.5)
    await scheduler.wait_stopped()
    assert_type(scheduler.executing_tasks, bool)
    assert_type(scheduler.accepting_tasks, bool)
    assert_type(scheduler.online, bool)
    await scheduler.start_task_accept()
    await scheduler.stop_task_accept()


async def look_after(scheduler: Scheduler) -> None:
    """Health, audit, and tasks that move."""
    mail = scheduler.queue("mail", concurrency=5)
    assert_type(mail, Scheduler)
    assert_type(await scheduler.queues(), list[str])
    for move in await scheduler.moving():
        assert_type(move, PartitionMove)
        assert_type(move.queue, str | None)
        assert_type(move.moved, int)
    health = await scheduler.check_health()
    assert_type(health, Health)
    assert_type(health.ok, bool)
    for queue in health.queues.values():
        assert_type(queue, Health)
    for partition in health.partitions:
        assert_type(partition, PartitionHealth)
        assert_type(partition.round_trip, float | None)
        for finding in partition.findings:
            assert_type(finding, Finding)
            assert_type(finding.message, str)
    assert_type(await scheduler.acknowledge_data_loss(), bool)
    assert_type(await scheduler.acknowledge_data_loss("here:6379/0"), bool)
    report = await scheduler.audit(repair=True, progress=lambda done, of: done / of)
    assert_type(report, AuditReport)
    assert_type(report.checked, int)
    for problem in report.problems:
        assert_type(problem, Problem)
        assert_type(problem.mended, bool)


async def lock(scheduler: Scheduler) -> None:
    """Locks."""
    assert_type(await scheduler.try_auto_lock("name", timedelta(seconds=1)), bool)
    held = await scheduler.try_lock("name")
    assert_type(held, Lock | None)
    if held is not None:
        assert_type(await scheduler.unlock(held), bool)
    async with scheduler.lock("name", 30, wait_seconds=1) as other:
        assert_type(other, Lock)
        assert_type(other.name, str)
        assert_type(other.token, int)


def plain(data: str) -> None:
    """What runs in a thread."""


def plain_batch(runs: list[TaskRun]) -> None:
    """What runs in a thread, for many runs at once."""


def block(options: SchedulerOptions) -> None:
    """The same without an event loop."""
    assert_type(BlockingScheduler(options, Logger()), BlockingScheduler)
    with BlockingScheduler.from_url("memory://", concurrency=5) as scheduler:
        assert_type(scheduler, BlockingScheduler)
        task = IntervalTask("a", every=60)
        assert_type(scheduler.assign_task(task, reschedule="interval"), bool)
        assert_type(scheduler.assign_tasks(IntervalTask(str(n)) for n in range(3)), AssignCounts)
        assert_type(scheduler.sync_tasks([task], scope="a"), SyncCounts)
        assert_type(scheduler.sync_tasks([task], scope="a", dry_run=True), SyncPlan)
        assert_type(scheduler.remove_tasks(["a", task]), int)
        assert_type(scheduler.get_task("a"), ScheduledTask | None)
        assert_type(scheduler.run_history("a"), tuple[PastRun, ...])
        assert_type(scheduler.failing_page(limit=10), TaskPage)
        assert_type(scheduler.overview(), Overview)
        assert_type(scheduler.page(limit=10), TaskPage)
        assert_type(scheduler.page("dead"), DeadPage)
        assert_type(scheduler.dead_page(limit=10), DeadPage)
        assert_type(scheduler.get_dead_task("a"), DeadTask | None)
        assert_type(scheduler.search("user:"), SearchPage)
        assert_type(scheduler.upcoming(4_000_000_000, 60, 3), list[int])
        assert_type(scheduler.forecast(timedelta(hours=1), 3).demand, float)
        assert_type(scheduler.statistics(2_000_000_000), Series)
        assert_type(scheduler.schedulers(), list[SchedulerCard])
        assert_type(scheduler.tail(), Generator[TailedRun, None, None])
        for each in scheduler.tasks(state="waiting"):
            assert_type(each, ScheduledTask)
        for dead in scheduler.dead_tasks():
            assert_type(dead, DeadTask)
        for line in scheduler.export():
            assert_type(line, bytes)
        assert_type(scheduler.restore(iter([b""])), RestoreCounts)
        with scheduler.lock("name", 30, wait_seconds=1) as held:
            assert_type(held, Lock)
        scheduler.start_task_execute(plain)
        scheduler.start_task_execute(executor, concurrency=5)
        scheduler.start_task_execute(plain_batch, batch=5)
        scheduler.start_task_execute(executor_of_batches, batch=5)
        assert_type(scheduler.check_health(), Health)
        assert_type(scheduler.queue("mail"), BlockingScheduler)
        assert_type(scheduler.queues(), list[str])
        assert_type(scheduler.on("online", lambda: None), Callable[[], None])


async def asynchronous(name: str) -> None: ...


def anything(*_: object) -> None: ...


class Handlers:
    """Handlers of all events, with the parameters of each."""

    def online(self) -> None: ...
    async def changed(self, partition: str) -> None: ...
    def jumped(self, partition: str, seconds: float) -> None: ...
    async def ended(self, run: TaskRun) -> None: ...
    def failed(self, run: TaskRun, error: BaseException, times: int = 1) -> None: ...
    def stuck(self, runs: int, longest: TaskRun, seconds: float) -> None: ...
    async def stopped(self, error: BaseException) -> None: ...


def listen(scheduler: Scheduler | BlockingScheduler, name: Literal["run", "online", "stuck"]) -> None:
    """Each event has arguments of its own, for functions and for coroutine functions."""
    handlers = Handlers()
    scheduler.on("online", handlers.online)
    scheduler.on("offline", handlers.online)
    scheduler.on("db-disconnect", handlers.changed)
    scheduler.on("db-reconnect", asynchronous)
    scheduler.on("data-lost", handlers.changed)
    scheduler.on("clock-jump", handlers.jumped)
    scheduler.on("run", handlers.ended)
    scheduler.on("run", lambda run: len(run.id))
    scheduler.on("run-error", handlers.failed)
    scheduler.on("run-error", lambda run, error, times=2: (run.id, error.args, times))
    scheduler.on("stuck", handlers.stuck)
    scheduler.on("stopped", handlers.stopped)
    scheduler.on("db-reconnect", partial(handlers.jumped, seconds=1))
    scheduler.on(name, anything)
    scheduler.on("stopped", print)


def flat(**options: Unpack[FlatOptions]) -> Scheduler:
    """Options that are handed on."""
    assert_type(BlockingScheduler.from_url("memory://", **options), BlockingScheduler)
    return Scheduler.from_url("memory://", "redis://a", **options)


async def of_bytes(data: bytes) -> None: ...
async def of_both(data: str | bytes) -> None: ...


class Called:
    """Not a function."""

    async def __call__(self, data: str) -> int:
        return 1

    async def method(self, data: bytes, more: int = 0) -> None: ...


async def execute_all(scheduler: Scheduler, blocking: BlockingScheduler) -> None:
    """An executor of the one sort of payload, of the other, and of both."""
    await scheduler.start_task_execute(executor)
    await scheduler.start_task_execute(of_bytes)
    await scheduler.start_task_execute(of_both)
    await scheduler.start_task_execute(lambda _: of_both("other"))
    await scheduler.start_task_execute(Called())
    await scheduler.start_task_execute(Called().method, concurrency=5)
    blocking.start_task_execute(of_bytes)
    blocking.start_task_execute(of_both)
    blocking.start_task_execute(print)


async def main() -> None:
    """All together."""
    async with Scheduler.from_url("memory://") as scheduler:
        assert_type(scheduler, Scheduler)
        assert_type(scheduler.on("online", lambda: None), Callable[[], None])
        scheduler.on("db-reconnect", asynchronous)
        await scheduler.connect()
        await scheduler.connect(create=False)
        await scheduler.close()


def fail() -> None:
    """Errors and what they tell."""
    try:
        asyncio.run(main())
    except ConfigurationError as error:
        assert_type(error.field, str)
    except (InvalidValue, InvalidType) as error:
        assert_type(error.field, str)
    except StorageRefused as error:
        assert_type(error.code, str)
    except UnknownNamespace as error:
        assert_type(error.namespace, str)
        assert_type(error.queue, str | None)
    except (OutcomeUnknown, PartitionOffline, StorageError) as error:
        assert_type(error.partition, str)
    except (LockLost, LockTimeout, LockError) as error:
        assert_type(error.name, str)
    except (NotAcceptingTasks, AlreadyExecuting):  # only its types are looked at
        pass
    except SchedulerError as error:
        assert_type(error.args, tuple[Any, ...])
