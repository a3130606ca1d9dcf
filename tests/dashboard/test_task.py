"""The page of one task, its payload, and what is done to it."""

from __future__ import annotations

import logging
import time
from typing import Any

import httpx
import pytest

from interval_scheduler import IntervalTask, Scheduler, TaskRun
from tests.dashboard.conftest import reader_of
from tests.dashboard.forms import form_of, forms_of, words_of
from tests.dashboard.test_tasks import ODD, read
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

_LATER = time.time() + 86_400


async def test_a_task_tells_all_of_itself(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_task(
        IntervalTask(
            "report",
            '{"n": 12345678901234567890}',
            cron="0 9 * * mon-fri",
            timezone="Europe/Riga",
            retries=3,
            group="t",
        )
    )
    view = await read(reader, "/task.json", id="report")
    assert (view["state"], view["runs"], view["group"]) == ("waiting", "cron 0 9 * * mon-fri (Europe/Riga)", "t")
    assert view["rules"] == "retries 3"
    assert view["payload"]["text"] == '{\n  "n": 12345678901234567890\n}'
    assert len(view["coming"]) == 10
    assert view["coming"][0]["at"] == view["next_run"]
    assert all(" 09:00:00 EE" in run["there"] for run in view["coming"])
    page = (await reader.get("/task", params={"id": "report"})).text
    for words in ("12345678901234567890", "Europe/Riga", "retries 3", "in 1", "UTC"):
        assert words in page
    assert "/do/" not in page  # who may only read is offered nothing


async def test_a_paused_task_tells_by_whom_and_why(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("feed", every=60))
    async with reader_of(scheduler, "operate") as reader:
        page = await reader.get("/task", params={"id": "feed"})
        answer = await form_of(page, "/do/pause-task").send(reader, reason="the <site> asked")
        assert words_of(answer) == "The task feed is paused."
        view = await read(reader, "/task.json", id="feed")
        assert (view["state"], view["paused"]["reason"], view["coming"]) == ("paused", "the <site> asked", [])
        page = await reader.get("/task", params={"id": "feed"})
        assert "the &lt;site&gt; asked" in page.text
        assert not any(form.action.endswith(("run-task", "pause-task")) for form in forms_of(page))
        assert words_of(await form_of(page, "/do/resume-task").send(reader)) == "The task feed goes on."
        assert (await read(reader, "/task.json", id="feed"))["state"] == "waiting"
        bad = await form_of(await reader.get("/task", params={"id": "feed"}), "/do/pause-task").send(
            reader, reason="a\nb"
        )
        assert bad.status_code == 400
        assert "Reason must have" in bad.text


async def test_a_pause_of_all_is_told_where_a_task_seems_to_go_on(scheduler: Scheduler) -> None:
    queue = scheduler.queue("mail")
    for each in (scheduler, queue):
        await each.assign_task(IntervalTask("feed", every=60, start=_LATER))
    async with reader_of(scheduler, "operate") as reader:
        await scheduler.pause("a <move>")
        for url in ("/task?id=feed", "/tasks", "/tasks?q=feed"):
            answer = await reader.get(url)
            assert "The namespace is paused since " in answer.text, url
            assert "(a &lt;move&gt;): no run starts." in answer.text, url
        of_queue = await reader.get("/task", params={"id": "feed", "queue": "mail"})
        assert "no run starts" not in of_queue.text
        assert words_of(await form_of(of_queue, "/do/run-task").send(reader)).endswith("as soon as a worker is free.")
        page = await reader.get("/task", params={"id": "feed"})
        assert words_of(await form_of(page, "/do/run-task").send(reader)) == (
            "The task feed is due now. It runs when the namespace is resumed."
        )
        await scheduler.resume()
        assert (await read(reader, "/task.json", id="feed"))["whole_pause"] is None
        assert (await read(reader, "/tasks.json"))["whole_pause"] is None


async def test_a_task_is_run_and_its_run_cancelled(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("export", every=60, start=_LATER))
    await scheduler.start_task_execute(recorder)
    async with reader_of(scheduler, "operate") as reader:
        page = await reader.get("/task", params={"id": "export"})
        assert "as soon as" in words_of(await form_of(page, "/do/run-task").send(reader))
        await recorder.ran(1, 60)

        async def is_told() -> bool:
            return len((await read(reader, "/task.json", id="export"))["running"]) == 1

        await until(is_told, 60)
        page = await reader.get("/task", params={"id": "export"})
        assert "Who runs it" in page.text
        assert ", process " in page.text
        assert "handed back" in words_of(await form_of(page, "/do/cancel-run").send(reader, hand_back="on"))
        await until(lambda: len(recorder.cancelled) == 1, 60)
        recorder.gate.set()
        await recorder.ran(2, 60)

        async def is_over() -> bool:
            task = await scheduler.get_task("export")
            return task is not None and task.state == "waiting"

        await until(is_over, 60)
        answer = await form_of(page, "/do/cancel-run").send(reader)
        assert answer.status_code < 500
        assert words_of(answer) == "No run of the task export is in progress."


async def test_runs_that_ended_are_listed(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    async def executor(data: str) -> None:
        if data == "bad":
            raise ValueError("the <feed> is down\x1b[31m")

    await scheduler.assign_task(IntervalTask("good", "good", every=3600, history=3))
    await scheduler.assign_task(IntervalTask("bad", "bad", every=3600, history=3))
    await scheduler.start_task_execute(executor)

    async def have_run() -> bool:
        views = [await read(reader, "/task.json", id=each) for each in ("good", "bad")]
        return all(view["history"] for view in views)

    await until(have_run, 60)
    assert (await read(reader, "/task.json", id="good"))["history"][0]["outcome"] == "ok"
    view = await read(reader, "/task.json", id="bad")
    assert (view["history"][0]["outcome"], view["failures"], view["failed_at"] is not None) == ("failed", 1, True)
    page = (await reader.get("/task", params={"id": "bad"})).text
    assert page.count("the &lt;feed&gt; is down") == 2  # as its last error, and in its history
    assert "\x1b" not in page


async def test_a_dead_task_is_shown_and_revived(scheduler: Scheduler) -> None:
    async def executor(data: str) -> None:
        raise ValueError("no such feed")

    await scheduler.assign_task(IntervalTask(ODD, "payload"))
    await scheduler.start_task_execute(executor)

    async def is_dead() -> bool:
        return bool((await scheduler.dead_page()).tasks)

    await until(is_dead, 60)
    await scheduler.stop_task_execute()
    async with reader_of(scheduler, "operate") as reader:
        view = await read(reader, "/task.json", id=ODD)
        assert (view["state"], view["attempt"], view["payload"]["text"]) == ("dead", 1, "payload")
        page = await reader.get("/task", params={"id": ODD})
        assert "no such feed" in page.text
        assert (await reader.get("/payload", params={"id": ODD})).content == b"payload"
        answer = await form_of(page, "/do/revive").send(reader)  # also with line ends, which browsers change
        assert words_of(answer) == "1 task is revived, and due now."
        assert await scheduler.get_task(ODD) is not None
        assert "not dead any more" in words_of(await form_of(page, "/do/revive").send(reader))


async def test_a_dead_task_is_shown_however_many_died_later(scheduler: Scheduler) -> None:
    async def executor(_: list[TaskRun]) -> None:
        raise ValueError("no such feed")

    async def are_dead(count: int) -> bool:
        return (await scheduler.overview()).dead == count

    await scheduler.assign_task(IntervalTask("oldest", "payload"))
    await scheduler.start_task_execute(executor, batch=500, concurrency=500)
    await until(lambda: are_dead(1), 60)
    await scheduler.assign_tasks(IntervalTask(f"t{n}") for n in range(3050))
    await until(lambda: are_dead(3051), 60)
    await scheduler.stop_task_execute()
    async with reader_of(scheduler, "read") as reader:
        assert (await read(reader, "/task.json", id="oldest"))["state"] == "dead"
        assert (await reader.get("/payload", params={"id": "oldest"})).content == b"payload"


async def test_a_task_that_is_not_there_is_told_and_looked_for(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("feed", every=60))
    async with reader_of(scheduler, "operate") as reader:
        missing = await reader.get("/task", params={"id": "a<b"})
        assert missing.status_code == 404
        assert form_of(missing, "/tasks").values["q"] == "a<b"
        twin = await reader.get("/task.json", params={"id": "a<b"})
        assert (twin.status_code, "a<b" in twin.json()["error"]) == (404, True)
        assert (await reader.get("/task")).status_code == 400
        assert (await reader.get("/task", params={"id": "\0"})).status_code == 400
        assert (await reader.get("/payload", params={"id": "a<b"})).status_code == 404
        page = await reader.get("/task", params={"id": "feed"})
        await scheduler.remove_task("feed")
        for action in ("run-task", "pause-task"):
            assert words_of(await form_of(page, f"/do/{action}").send(reader)) == "There is no task feed any more."


async def test_a_task_that_goes_between_two_reads_is_shown(
    reader: httpx.AsyncClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scheduler.assign_task(IntervalTask("feed", every=60, history=3))
    found = Scheduler.get_task

    async def last_seen(self: Scheduler, task_id: str) -> Any:
        task = await found(self, task_id)
        await self.remove_task(task_id)
        return task

    monkeypatch.setattr(Scheduler, "get_task", last_seen)
    assert (await reader.get("/task", params={"id": "feed"})).status_code == 200
    async with reader_of(scheduler) as another:  # a dashboard of its own: it shares no view with the other
        missing = await another.get("/task", params={"id": "feed"})
    assert missing.status_code == 404


async def test_what_each_level_may_do(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("feed", every=60))
    offered = {}
    for level in ("read", "operate", "admin"):
        async with reader_of(scheduler, level) as reader:
            page = await reader.get("/task", params={"id": "feed"})
            offered[level] = (
                [form.action for form in forms_of(page) if form.method == "post"],
                "/edit?id=feed" in page.text,
            )
            for action in ("run-task", "pause-task", "change-tasks", "save-task"):
                answer = await reader.post(
                    f"/do/{action}", data={"task": "gone"}, headers={"Origin": "http://dashboard.test"}
                )
                is_admins = action in {"change-tasks", "save-task"}
                assert (answer.status_code == 403) is (level == "read" or (level == "operate" and is_admins))
    assert offered == {
        "read": ([], False),
        "operate": (["/do/run-task", "/do/pause-task"], False),
        "admin": (["/do/run-task", "/do/pause-task"], True),
    }


async def test_a_payload_is_given_as_a_file(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    given: dict[str, tuple[str | bytes, str]] = {
        "json": ('{"a": 1}', "payload.json"),
        "html": ("<script>alert(1)</script>", "payload.txt"),
        "bytes": (b"\xff\x00", "payload.bin"),
    }
    await scheduler.assign_tasks(IntervalTask(name, data, every=60) for name, (data, _) in given.items())
    for name, (data, filename) in given.items():
        answer = await reader.get("/payload", params={"id": name})
        assert answer.content == (data.encode() if isinstance(data, str) else data)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == f'attachment; filename="{filename}"'
        page = (await reader.get("/task", params={"id": name})).text
        assert f'href="/payload?id={name}" download' in page
        assert "<script>alert" not in page


async def test_what_is_redacted_is_shown_nowhere(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    await scheduler.assign_task(IntervalTask("feed", "the-secret", every=60))

    def redact(task_id: str, data: str | bytes) -> str:
        return f"{task_id} {len(data)}"

    def fails(task_id: str, data: str | bytes) -> str:
        raise RuntimeError("no rule")

    urls = [f"/{name}?id=feed" for name in ("task", "task.json", "payload", "edit", "edit.json")]
    async with reader_of(scheduler, "admin", redact=redact) as reader:
        for url in urls:
            assert "the-secret" not in (await reader.get(url)).text
        assert (await reader.get("/payload?id=feed")).text == "feed 10"
        assert (await read(reader, "/task.json", id="feed"))["payload"]["text"] == "feed 10"
    async with reader_of(scheduler, "admin", redact=fails) as reader:
        with caplog.at_level(logging.ERROR):
            for url in urls:
                answer = await reader.get(url)
                assert "the-secret" not in answer.text
                assert answer.status_code == (404 if "/payload" in url else 200)
        assert "The payload cannot be shown" in (await reader.get("/task?id=feed")).text
    assert "no rule" in caplog.text
    assert "the-secret" not in caplog.text


async def test_a_payload_of_100_mib_is_shown_in_part(redis_server: RedisServer, namespace: str) -> None:
    """No call assigns one: such a record is from somewhere else. A loaded machine takes long to send it."""
    size = 100 * 1024 * 1024
    async with Scheduler.from_url(redis_server.url, namespace=namespace, operation_timeout_seconds=120) as scheduler:
        await scheduler.assign_task(IntervalTask("large", "x", every=60, start=_LATER))
        with redis_server.client() as client:
            key = next(key for key in client.scan_iter(f"*{namespace}*", count=1000) if key.endswith(b":tasks"))
            client.hset(key, "large", client.hget(key, "large")[:-1] + b"y" * size)
        try:
            async with reader_of(scheduler) as reader:
                view = await read(reader, "/task.json", id="large")
                assert (view["payload"]["kind"], view["payload"]["size"]) == ("text", size)
                assert len(view["payload"]["text"]) == 64 * 1024
                page = await reader.get("/task", params={"id": "large"})
                assert len(page.text) < 100_000
                assert f"{size - 64 * 1024:,} more bytes are not shown" in page.text
                assert len((await read(reader, "/tasks.json"))["rows"]) == 1
        finally:
            await scheduler.remove_task("large")
