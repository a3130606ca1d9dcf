"""Executors are bound to queues; what cannot be bound is refused with its name."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from interval_scheduler import ConfigurationError, IntervalTask, InvalidType, InvalidValue, NotConnected, TaskRun
from interval_scheduler.worker import Kind, Worker
from tests.worker.payload_types import Mail

pytestmark = pytest.mark.asyncio


async def test_a_kind_is_the_function_and_makes_tasks() -> None:
    worker = Worker("memory://")

    @worker.executor("mail", concurrency=5)
    async def send(mail: Mail, *, sent: list[str]) -> str:
        """Send one mail."""
        sent.append(mail.to)
        return "done"

    sent: list[str] = []
    assert await send(Mail("ada"), sent=sent) == "done"
    assert sent == ["ada"]
    assert (send.__name__, send.__doc__, send.queue, send.concurrency) == ("send", "Send one mail.", "mail", 5)
    assert worker.kinds == (send,)
    task = send.task("m:1", Mail("ada", 2), every=60, retries=3)
    assert task == IntervalTask("m:1", '{"to":"ada","size":2,"copies":[],"colour":null}', every=60, retries=3)
    with pytest.raises(InvalidType) as caught:
        send.task("m:1")
    assert caught.value.field == "payload"
    with pytest.raises(InvalidValue):
        send.task("", Mail("ada"))
    with pytest.raises(NotConnected, match="the worker is not running"):
        await send.assign("m:1", Mail("ada"))
    with pytest.raises(NotConnected):
        _ = worker.scheduler


async def test_a_payload_may_be_missing_if_it_is_text() -> None:
    worker = Worker("memory://")

    @worker.executor
    async def beat(_: str) -> None: ...

    assert beat.queue is None
    assert beat.task("a", every=1) == IntervalTask("a", "", every=1)


def _functions() -> dict[str, Any]:
    async def nothing() -> None: ...

    async def two(one: str, two: str) -> None: ...

    async def by_name(*, payload: str) -> None: ...

    def plain(payload: str) -> None: ...

    return {
        "a partial": functools.partial(two, "one"),
        "nothing": nothing,
        "two": two,
        "by name": by_name,
        "plain": plain,
        "no function": 5,
    }


@pytest.mark.parametrize("name", [*_functions()])
async def test_what_is_no_executor_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Worker("memory://").executor("mail")(_functions()[name])
    assert caught.value.field == "executor"


async def test_one_queue_has_one_executor() -> None:
    worker = Worker("memory://")

    async def work(_: str) -> None: ...

    worker.executor("mail")(work)
    with pytest.raises(ConfigurationError, match="'mail', which has work"):
        worker.executor("mail")(work)
    worker.executor(work)
    with pytest.raises(ConfigurationError, match="the namespace itself"):
        worker.executor(work)
    with pytest.raises(ConfigurationError) as caught:
        Worker("memory://").executor(lease_seconds=5)(work)
    assert caught.value.field == "lease_seconds"
    with pytest.raises(ConfigurationError, match="async def"):
        worker.around(lambda run, call: call())


async def test_an_executor_of_batches_takes_a_list_of_runs() -> None:
    worker = Worker("memory://")

    async def wrong(_: Mail) -> None: ...
    async def right(_: list[TaskRun]) -> None: ...

    async def besides(_: list[TaskRun], *, run: TaskRun) -> None: ...

    with pytest.raises(ConfigurationError, match="besides cannot take one TaskRun"):
        worker.executor("mail", batch=5)(besides)
    with pytest.raises(ConfigurationError, match=r"wrong must take a list\[TaskRun\]"):
        worker.executor("mail", batch=5)(wrong)
    assert worker.executor("mail", batch=5)(right).batch == 5


async def test_a_hook_takes_two_arguments() -> None:
    async def hook(run: TaskRun) -> None: ...

    with pytest.raises(ConfigurationError, match="hook must take two arguments: run, call"):
        Worker("memory://").around(hook)  # type: ignore[type-var]


async def test_a_payload_has_one_name() -> None:
    async def work(_: str) -> None: ...

    kind = Worker("memory://").executor(work)
    with pytest.raises(InvalidType) as caught:
        await kind.update("a", data="x")  # type: ignore[call-arg]
    assert caught.value.field == "payload"


async def test_an_annotation_that_is_unknown_is_told() -> None:
    async def work(_: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match="Missing"):
        Worker("memory://").executor(work)


async def test_the_parameters_of_a_kind() -> None:
    worker = Worker("memory://")

    @worker.executor
    async def work(data: bytes, *, db: object, run: TaskRun, cache: object = None) -> None: ...

    kind: Kind[Any, Any] = work
    assert (kind.wanted.needed, kind.wanted.optional, kind.wanted.run) == (("db",), ("cache",), "run")
