"""The matrix of guests: code of the application that misbehaves in every way, at every place where it is called.

Each row says the same: the others go on, it is reported once, and nothing of it is left behind. Those of what ends the
process say that it goes through, from every place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
import uvloop

from interval_scheduler import ExecutionEnded, IntervalTask, Scheduler
from interval_scheduler.config.options import Delivery
from interval_scheduler.execution.poller import Poller
from tests.integration.processes import check_key_space
from tests.misbehaving import FATAL, KINDS
from tests.proxy import Proxy
from tests.semantics.guest_handlers import GuestLog, Handlers
from tests.semantics.guests import OF_RUNS, Guests
from tests.servers import RedisServer
from tests.waiting import Recorder

# What the code of an application does here is no matter of the server.
pytestmark = pytest.mark.any_server

LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
DELIVERIES: Final = ("at-least-once", "at-most-once")


async def try_all(server: RedisServer, namespace: str, delivery: Delivery) -> list[str]:
    async with Proxy(server.port) as proxy:
        url = f"{server.url.replace(f':{server.port}/', f':{proxy.port}/')}?name=p"
        guests = Guests(url, namespace, delivery, proxy)
        await guests.start()
        try:
            for name, kind in {**KINDS, **OF_RUNS}.items():
                if kind.coroutine is not None:
                    await guests.try_run(name, kind)
                    if kind.ends:
                        await guests.try_run(name, kind, timeout=30)
            await guests.try_run_that_stays()
            for name, kind in KINDS.items():
                await guests.try_handlers_of_execution(name, kind)
                if kind.function is not None:
                    error = None if kind.error is LookupError else kind.error
                    await guests.try_logger(name, kind.function, error)
            await guests.try_handlers_of_connection()
        finally:
            await guests.end()
    return guests.wrong


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("loop", LOOPS)
def test_others_go_on_and_it_is_told_once(
    redis_server: RedisServer, namespace: str, loop: str, delivery: Delivery
) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        wrong = runner.run(try_all(redis_server, namespace, delivery))
    assert wrong == []
    with redis_server.client() as client:
        check_key_space(client, namespace)
        assert client.keys(f"{{{namespace}:*}}:leased") == []


async def end_by_a_bug(url: str, namespace: str, delivery: Delivery) -> None:
    """All kinds of handlers are told that an execution has ended; it is started again."""
    log = GuestLog()
    async with Scheduler.from_url(
        url, namespace=namespace, delivery=delivery, logger=log, drain_seconds=0.1
    ) as scheduler:
        with pytest.MonkeyPatch.context() as patched, Handlers(scheduler, ["stopped"], KINDS.values()) as handlers:

            async def broken(_: object) -> None:
                raise ZeroDivisionError

            patched.setattr(Poller, "run_once", broken)
            await scheduler.start_task_execute(Recorder())
            with pytest.raises(ExecutionEnded):
                await asyncio.wait_for(scheduler.wait_stopped(), 60)
            await handlers.check(log)
        recorder = Recorder()
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("good"))
        await recorder.ran(1)
        assert await scheduler.check_health()


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("loop", LOOPS)
def test_handlers_of_the_end_disturb_nothing(
    redis_server: RedisServer, namespace: str, loop: str, delivery: Delivery
) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(end_by_a_bug(redis_server.url, namespace, delivery))


def _raiser(error: Callable[[], BaseException]) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error()

    return fail


async def misbehave(scheduler: Scheduler, log: GuestLog, place: str, error: Callable[[], BaseException]) -> None:
    fail = _raiser(error)

    async def fail_later(*_: object) -> None:
        fail()

    async def execute(_: str) -> None:
        if place == "executor":
            fail()
        if place == "logger":
            log.acts["error"] = fail
            raise ValueError

    if "handler" in place:
        scheduler.on("run", fail if place == "handler" else fail_later)
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(execute)
    await scheduler.assign_task(IntervalTask("bad", every=3600))
    async with asyncio.timeout(60):
        await asyncio.Event().wait()


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("place", ["executor", "handler", "coroutine handler", "logger"])
def test_what_ends_the_process_goes_through(
    redis_server: RedisServer, namespace: str, loop: str, delivery: Delivery, place: str
) -> None:
    for name, (error, expected) in FATAL.items():
        log = GuestLog()
        scheduler = Scheduler.from_url(
            redis_server.url, namespace=f"{namespace}-{len(name)}", delivery=delivery, logger=log
        )
        with pytest.raises(expected), asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(misbehave(scheduler, log, place, error))
        assert [record.getMessage()[:47] for record in log.errors] == [
            "the scheduler ended without being asked to: its"
        ], name
        assert not scheduler.executing_tasks
