"""The page of health with its audits, and that of the log of actions."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from interval_scheduler import AuditReport, Health, IntervalTask, PartitionOffline, Scheduler, acting_as
from interval_scheduler.dashboard.auditing import Audits
from interval_scheduler.dashboard.words import milliseconds, size
from tests.dashboard.conftest import reader_of
from tests.dashboard.test_trouble import PATIENCE, SAME_SITE, press, view
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000
_numbers = itertools.count()


@pytest_asyncio.fixture
async def admin(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with reader_of(scheduler, "admin") as client:
        yield client


async def ended(client: httpx.AsyncClient) -> dict[str, Any]:
    """Wait for the end of an audit; return it as the page has it."""
    found: dict[str, Any] = {}

    async def has_ended() -> bool:
        nonlocal found
        found = await view(client, f"health?asked={next(_numbers)}")  # what one asked for is shared for a while
        return found["audit"]["ended"] is not None

    await until(has_ended, PATIENCE)
    assert not found["audit_runs"]
    return {**found["audit"], **found["audit_found"]}


async def test_the_overview_and_the_page_of_health_ask_the_servers_once(
    scheduler: Scheduler, reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    real = scheduler.check_health

    async def check_health() -> Health:
        nonlocal asked
        asked += 1
        return await real()

    monkeypatch.setattr(scheduler, "check_health", check_health)
    for page in ("overview", "health"):
        await view(reader, page)
    assert asked == 1


async def test_health_says_when_the_servers_were_examined(
    admin: httpx.AsyncClient,
) -> None:
    async def examined() -> str:
        await press(admin, "stop-audit")  # none runs; an action has pages read anew, and not the servers
        return str((await view(admin, "health"))["examined"])

    before = datetime.now(UTC)
    first = await examined()
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(first) <= datetime.now(UTC)
    assert await examined() == first, "what was found is kept for ten seconds, and so is its moment"
    assert "The servers were examined at <time" in (await admin.get("/health")).text
    await press(admin, "repair")
    await ended(admin)
    assert await examined() != first, "a repair may have mended what was found"


async def test_health_tells_of_partitions(reader: httpx.AsyncClient) -> None:
    found = await view(reader, "health")
    assert (found["ok"], found["audit"], found["audit_runs"]) == (True, None, False)
    (partition,) = found["partitions"]
    assert partition["version"]
    assert partition["round_trip"] > 0
    assert partition["used_memory"] > 100_000
    assert partition["memory_limit"] is None
    assert [(each["kind"], each["severity"]) for each in found["findings"]] == [("persistence", "warning")]
    text = (await reader.get("/health")).text
    assert "CONFIG SET appendonly yes" in text
    assert "1 warning follows" in text
    assert "Start an audit" not in text


async def test_an_audit_runs_and_its_result_is_kept(
    admin: httpx.AsyncClient, scheduler: Scheduler, redis_server: RedisServer, namespace: str
) -> None:
    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=60, start=FAR) for n in range(250))
    await press(admin, "audit")
    found = await ended(admin)
    assert (found["checked"], found["counts"], found["repair"]) == (250, {}, False)
    assert "250 tasks checked" in " ".join((await admin.get("/health")).text.split())

    with redis_server.client() as redis:
        (due,) = [key for key in redis.keys(f"*{namespace}*") if key.endswith(b":due")]
        redis.zrem(due, *[f"t{n}" for n in range(120)])
    await press(admin, "audit")
    found = await ended(admin)
    assert found["counts"] == {"orphan": 120}
    assert (len(found["problems"]), found["left_out"], found["ok"]) == (100, 20, False)
    assert (await scheduler.overview()).waiting == 130
    assert "120 orphan" in (await admin.get("/health")).text

    asked = (await admin.get("/sure?action=repair")).text
    assert "may run once more than it should" in asked
    await press(admin, "repair")
    found = await ended(admin)
    assert (found["repair"], found["ok"]) == (True, True)
    assert all(each["mended"] for each in found["problems"])
    assert (await scheduler.overview()).waiting == 250
    assert "All are mended" in (await admin.get("/health")).text


class Slow:
    """A scheduler whose audits go on until they are let, and then end as they are told."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.started = 0

    async def audit(self, *, repair: bool, progress: Any) -> AuditReport:
        self.started += 1
        progress(40, 100)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return AuditReport(100, {}, ())


async def test_one_audit_at_a_time_which_can_be_stopped() -> None:
    audits, slow = Audits(), Slow()
    scheduler: Any = slow
    assert not await audits.stop(None)
    assert audits.start(scheduler, "mail", repair=False)
    assert not audits.start(scheduler, None, repair=True)
    await until(lambda: audits.last is not None and audits.last.checked == 40)
    assert audits.last is not None
    assert (audits.last.total, audits.last.queue, audits.last.ended) == (100, "mail", None)
    assert audits.last_of(None) is audits.last_of("mail") is audits.last
    assert audits.last_of("other") is None, "who may see one queue is told nothing of another one"
    assert not await audits.stop("other")
    assert await audits.stop(None)
    assert not audits.is_running
    assert (audits.last.problem, audits.last.checked) == ("It was stopped.", 40)
    assert audits.last.ended is not None
    slow.gate.set()
    assert audits.start(scheduler, None, repair=True)
    await until(lambda: not audits.is_running)
    assert slow.started == 2
    assert (audits.last.report, audits.last.problem) == (AuditReport(100, {}, ()), None)


async def test_who_cannot_stop_an_audit_is_not_told_to(
    scheduler: Scheduler, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine", "other"):
        await scheduler.queue(name).task_size()
    slow = Slow()
    monkeypatch.setattr(Scheduler, "audit", lambda _, **options: slow.audit(**options))
    await press(admin, "audit", queue="other")
    said = {
        query: (
            await admin.post(
                f"/do/audit{query}", data={"back": "/"}, headers={**SAME_SITE, "Accept": "application/json"}
            )
        ).json()
        for query in ("?queue=mine", "?queue=other", "")
    }
    assert said["?queue=mine"]["words"] == "An audit of something else runs. Wait for its end."
    for query in ("?queue=other", ""):
        assert said[query]["words"] == "An audit runs already. Wait for its end, or stop it."
    slow.gate.set()
    await ended(admin)


async def test_an_audit_that_is_stopped_before_its_first_step_has_ended() -> None:
    audits, slow = Audits(), Slow()
    never: Any = slow
    assert audits.start(never, None, repair=False)
    assert await audits.stop(None)
    assert (slow.started, audits.is_running) == (0, False)
    assert audits.last is not None
    assert (audits.last.problem, audits.last.ended is None) == ("It was stopped.", False)


async def test_an_audit_whose_scheduler_is_closed_ends_and_says_so(redis_server: RedisServer, namespace: str) -> None:
    audits = Audits()
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"t{n}", every=60, start=FAR) for n in range(20_000))
        assert audits.start(scheduler, None, repair=False)
        await until(lambda: audits.last is not None and audits.last.checked > 0, PATIENCE)
    await until(lambda: not audits.is_running, PATIENCE)
    assert audits.last is not None
    assert audits.last.problem is not None
    assert "not connected to Redis" in audits.last.problem


async def test_an_audit_that_fails_says_why(caplog: pytest.LogCaptureFixture) -> None:
    audits, slow = Audits(), Slow()
    scheduler: Any = slow
    slow.gate.set()
    slow.error = PartitionOffline("a", "is offline")
    assert audits.start(scheduler, None, repair=False)
    await until(lambda: not audits.is_running)
    assert audits.last is not None
    assert audits.last.problem == "Partition 'a' is offline."
    slow.error = RuntimeError("a secret")
    with caplog.at_level(logging.ERROR, "interval_scheduler.dashboard"):
        assert audits.start(scheduler, None, repair=False)
        await until(lambda: not audits.is_running)
    assert audits.last.problem is not None
    assert "secret" not in audits.last.problem
    assert caplog.records[0].exc_info is not None


async def test_a_log_without_actions(reader: httpx.AsyncClient) -> None:
    assert "Nobody has steered anything yet" in (await reader.get("/actions")).text


async def test_the_log_of_actions_page_by_page(scheduler: Scheduler, reader: httpx.AsyncClient) -> None:
    await scheduler.assign_tasks(IntervalTask(f"feed:{n}", every=60, start=FAR) for n in range(55))
    with acting_as("<alice@example.com>"):
        for n in range(55):
            await scheduler.pause_task(f"feed:{n}", reason=f"reason {n}")  # each its own, else they were one entry
    with acting_as("bob"):
        await scheduler.resume_tasks(prefix="feed:")
    found = await view(reader, "actions")
    assert len(found["entries"]) == 50
    newest = found["entries"][0]
    assert (newest["who"], newest["kind"], newest["what"], newest["prefix"], newest["count"]) == (
        "bob",
        "resume_tasks",
        "resumed by prefix",
        "feed:",
        55,
    )
    assert newest["at"].endswith("Z")
    text = (await reader.get("/actions")).text
    assert "&lt;alice@example.com&gt;" in text
    assert "reason 54" in text
    rest = await view(reader, f"actions?after={quote(found['after'])}")
    assert [each["details"] for each in rest["entries"]] == [f"reason {n}" for n in range(5, -1, -1)]
    assert rest["after"] is None
    assert (await reader.get("/actions?after=nonsense")).status_code == 400


async def test_what_is_noted_before_it_is_done_is_told_as_asked_for(
    scheduler: Scheduler, reader: httpx.AsyncClient
) -> None:
    await scheduler.note_action("assign_task", ["feed:1"])
    await scheduler.note_action("remove_task", ["feed:1", "feed:2"])  # nothing of it is done
    found = await view(reader, "actions")
    assert [(each["what"], each["count"]) for each in found["entries"]] == [
        ("asked to remove a task", 2),
        ("asked to assign a task", 1),
    ]


async def test_words_for_sizes_and_short_times() -> None:
    assert [size(each) for each in (None, 0, 1023, 1536, 3 << 20, 5 << 40, 5 << 50)] == [
        "–",  # noqa: RUF001 - a dash is meant
        "0 bytes",
        "1,023 bytes",
        "1.5 KiB",
        "3.0 MiB",
        "5.0 TiB",
        "5,120.0 TiB",
    ]
    assert [milliseconds(each) for each in (None, 0.00042, 0.0042, 1.5)] == ["–", "0.42 ms", "4.2 ms", "1,500 ms"]  # noqa: RUF001
    assert milliseconds(-0.0125, signed=True) == "-12 ms"
