"""Two people who save forms at the same moment: the second is told what the first one did, and replaces nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio

from interval_scheduler import (
    IntervalTask,
    LockError,
    LockTimeout,
    OutcomeUnknown,
    PartitionOffline,
    Scheduler,
    SchedulerError,
    StorageRefused,
    Task,
)
from interval_scheduler.dashboard.actions import saving
from interval_scheduler.dashboard.page import NotSaved
from interval_scheduler.dashboard.problems import problem_of
from tests.dashboard.conftest import reader_of
from tests.dashboard.forms import form_of, words_of
from tests.servers import RedisServer
from tests.waiting import surely

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def forms_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a form has its turn, and keeps it."""
    for name in ("_PATIENCE_SECONDS", "_HELD_SECONDS"):
        monkeypatch.setattr(saving, name, 60)


@pytest_asyncio.fixture
async def admins(redis_server: RedisServer, namespace: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Five people, each with a dashboard in a process of its own, as far as Redis can tell."""
    async with AsyncExitStack() as stack:
        schedulers = [Scheduler.from_url(redis_server.url, namespace=namespace) for _ in range(5)]
        yield [
            await stack.enter_async_context(reader_of(await stack.enter_async_context(each), "admin"))
            for each in schedulers
        ]


async def test_of_those_who_add_an_id_at_once_one_does(scheduler: Scheduler, admins: list[httpx.AsyncClient]) -> None:
    forms = [form_of(await admin.get("/new"), "/do/add-task") for admin in admins]
    answers = await asyncio.gather(
        *(
            form.send(admin, "save", id="feed:7", every=f"{number}m", payload=str(number), payload_as="text")
            for number, (form, admin) in enumerate(zip(forms, admins, strict=True), 1)
        )
    )
    added = [number for number, answer in enumerate(answers, 1) if answer.status_code == 200]
    assert len(added) == 1
    assert sum(answer.status_code == 400 and "scheduled already" in answer.text for answer in answers) == 4
    task = await scheduler.get_task("feed:7")
    assert task is not None
    assert (task.every, task.data) == (60 * added[0], str(added[0]))


async def test_of_those_who_change_a_task_at_once_one_does(
    scheduler: Scheduler, admins: list[httpx.AsyncClient]
) -> None:
    await scheduler.assign_task(IntervalTask("a", every=3600))
    forms = [form_of(await admin.get("/edit", params={"id": "a"}), "/do/save-task") for admin in admins]
    answers = await asyncio.gather(
        *(
            form.send(admin, "save", retries=str(number))
            for number, (form, admin) in enumerate(zip(forms, admins, strict=True), 1)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    task = await scheduler.get_task("a")
    assert task is not None
    assert answers[(task.rules.retries or 0) - 1].status_code == 200


async def test_a_program_that_assigns_at_the_same_moment_is_told_of(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_task = scheduler.has_task

    async def looked(task: Task | str) -> bool:
        found = await has_task(task)
        await scheduler.assign_task(IntervalTask("a", "of a program", every=60))
        return found

    async with reader_of(scheduler, "admin") as admin:
        form = form_of(await admin.get("/new"), "/do/add-task")
        monkeypatch.setattr(scheduler, "has_task", looked)
        answer = await form.send(admin, "save", id="a", every="5m")
    assert answer.status_code == 409
    assert "A program had scheduled it just before" in words_of(answer)


async def test_a_turn_that_does_not_come_is_told(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_PATIENCE_SECONDS", 0.05)
    async with scheduler.lock(saving._LOCK), reader_of(scheduler, "admin") as admin:
        form = form_of(await admin.get("/new"), "/do/add-task")
        assert (await form.send(admin, "preview", id="a", every="5m")).status_code == 200
        answer = await form.send(admin, "save", id="a", every="5m")
    assert answer.status_code == 503
    assert "was not saved" in answer.text
    assert await scheduler.task_size() == 0


async def test_without_the_master_nothing_is_saved_and_that_is_said(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    server = own_server()
    scheduler = Scheduler.from_url(server.url, namespace=namespace, operation_timeout_seconds=1)
    await surely(scheduler.start_task_accept)
    async with scheduler, reader_of(scheduler, "admin") as admin:
        form = form_of(await admin.get("/new"), "/do/add-task")
        server.kill()
        for number in range(2):  # the first one may be what finds out that the master is away
            answer = await form.send(admin, "save", id=f"a{number}", every="5m")
            assert answer.status_code == 503
            assert answer.json()["error"].startswith("It was not saved: ")
            assert "not known" not in answer.text


@pytest.mark.parametrize(
    ("reason", "status", "words"),
    [
        (OutcomeUnknown("p"), 503, "'p', where the lock of forms is, did not answer in time"),
        (PartitionOffline("p", "cannot be reached"), 503, "cannot be reached"),
        (StorageRefused("p", "NOPERM", "no rights"), 403, "may not do this"),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_what_keeps_a_lock_from_being_had_is_told(reason: SchedulerError, status: int, words: str) -> None:
    problem = problem_of(NotSaved(reason))
    assert problem.status == status
    assert problem.words.startswith("It was not saved: ")
    assert words in problem.words
    assert "not known" not in problem.words


async def test_a_lock_that_is_lost_is_no_time_out_of_others() -> None:
    assert "was not saved" in problem_of(LockTimeout("a", "was not free")).words
    assert "not known" in problem_of(LockError("a", "was lost")).words
