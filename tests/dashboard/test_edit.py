"""The form of a task: errors beside their fields, a preview that comes true, and changes by others meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Rules, Scheduler, next_runs
from interval_scheduler.dashboard.editing.fields import FIELDS, texts_of, values_of
from interval_scheduler.dashboard.editing.values import from_text, to_text
from tests.dashboard.conftest import HOST, reader_of
from tests.dashboard.forms import form_of, words_of
from tests.dashboard.test_tasks import ODD, read
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio

_NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
#: Some hours after all tests have run, and before the ends that count from now.
_START = round(time.time()) + 10_700.0

RICH = IntervalTask(
    "rich",
    '{"n": 1}',
    every=5400.5,
    start=_START,
    missed="skip",
    until=_START + 10_000_000.25,
    max_runs=7,
    timeout=90.125,
    retries=3,
    backoff=2.5,
    group="tenant-7",
    late="skip",
    start_deadline=30,
    overlap="once",
    jitter=0.5,
    history=9,
)


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1, 59.999, 60, 90.5, 3600, 3661.001, 86_400, 93_784.005, 315_360_000])
async def test_durations_and_moments_lose_nothing(seconds: float) -> None:
    assert from_text("duration", to_text("duration", seconds), _NOW) == seconds
    moment = 1_777_777_777 + seconds
    assert from_text("moment", to_text("moment", moment), _NOW) == pytest.approx(moment, abs=1e-6)


@pytest.mark.parametrize(
    "task",
    [
        RICH,
        IntervalTask("cron", b"x", cron="0 9 * * mon", timezone="Europe/Riga"),
        IntervalTask("once"),
        IntervalTask("late", every=60, repeat="delay", spread=True),
    ],
)
async def test_a_form_that_was_not_touched_changes_nothing(scheduler: Scheduler, task: IntervalTask) -> None:
    await scheduler.assign_task(task)
    before = await scheduler.get_task(task.id)
    async with reader_of(scheduler, "admin") as reader:
        page = await reader.get("/edit", params={"id": task.id})
        form = form_of(page, "/do/save-task")
        preview = await form.send(reader, "preview")
        assert "Nothing differs from the task" in preview.text
        assert "Nothing was changed" in words_of(await form_of(preview, "/do/save-task").send(reader, "save"))
    assert await scheduler.get_task(task.id) == before


async def test_only_what_was_typed_is_changed(scheduler: Scheduler) -> None:
    await scheduler.assign_task(RICH)
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/edit", params={"id": "rich"}), "/do/save-task")
        form.values |= {"retries": "5", "timeout": "", "payload": '{"n":\r\n2}'}
        preview = await form.send(reader, "preview")
        for words in ("Further attempts", "Longest time of a run", "the new one"):
            assert words in preview.text
        assert (await scheduler.get_task("rich")).rules.retries == 3  # type: ignore[union-attr] # it is there
        answer = await form_of(preview, "/do/save-task").send(reader, "save")
        assert words_of(answer) == "The task rich is changed: retries, timeout, payload."
    task = await scheduler.get_task("rich")
    assert task is not None
    assert task.data == '{"n":\n2}'
    assert (task.rules.retries, task.rules.timeout, task.rules.group, task.every) == (5, None, "tenant-7", 5400.5)


CHANGES: list[tuple[IntervalTask, dict[str, str]]] = [
    (IntervalTask("a", every=3600, start=_START), {"every": "10m"}),
    (IntervalTask("a", every=600, start=_START), {"every": "1h"}),
    (IntervalTask("a", every=3600, start=_START), {"every": "6h", "spread": "on"}),
    (IntervalTask("a", every=3600, start=_START), {"spread": "on"}),
    (IntervalTask("a", every=3600, start=_START, spread=True), {"spread": ""}),
    (IntervalTask("a", every=3600, start=_START), {"start": "+10m"}),
    (IntervalTask("a", every=3600, start=_START), {"start": "+10m", "every": "7m"}),
    (IntervalTask("a", every=3600, start=_START), {"runs": "cron", "cron": "*/7 * * * *"}),
    (IntervalTask("a", cron="0 9 * * *"), {"timezone": "Asia/Kathmandu"}),
    (IntervalTask("a", cron="0 9 * * *", timezone="Europe/Riga"), {"cron": "30 4 * * mon"}),
    (IntervalTask("a", cron="0 9 * * *", timezone="Europe/Riga"), {"runs": "every", "every": "45m"}),
    (IntervalTask("a", cron="0 9 * * *"), {"runs": "once"}),
    (IntervalTask("a", every=3600, start=_START), {"runs": "once"}),
    (IntervalTask("a", start=_START), {"runs": "every", "every": "1h"}),
    (IntervalTask("a", start=_START), {"runs": "cron", "cron": "0 0 1 * *"}),
    (IntervalTask("a", every=3600, start=_START), {"max_runs": "3"}),
    (IntervalTask("a", every=3600, start=_START), {"until": "+5h"}),
    (IntervalTask("a", every=3600, start=_START), {"repeat": "delay"}),
    (IntervalTask("a", every=3600, start=_START), {"jitter": "10m"}),
    (IntervalTask("a", every=3600, start=_START, jitter=600), {"every": "2h"}),
    (IntervalTask("a", every=3600, start=_START, jitter=600), {"jitter": ""}),
    (IntervalTask("a", every=3600, start=_START, jitter=600), {"retries": "2"}),
    (IntervalTask("a", every=3600, start=_START, jitter=600), {"until": "+5h"}),
    (IntervalTask("a", every=3600, start=_START, jitter=600), {"spread": "on"}),
    (IntervalTask("a", every=3600, start=_START, jitter=600), {"every": "2h", "spread": "on", "jitter": "1m"}),
    (IntervalTask("a", cron="0 9 * * *", jitter=600), {"jitter": "1h"}),
    (IntervalTask("a", cron="0 9 * * *", jitter=600), {"runs": "every", "every": "45m", "spread": "on", "jitter": ""}),
    (IntervalTask("a", start=_START), {"runs": "every", "every": "1h", "spread": "on"}),
]


@pytest.mark.parametrize(("task", "typed"), CHANGES)
async def test_a_preview_comes_true(scheduler: Scheduler, task: IntervalTask, typed: dict[str, str]) -> None:
    await scheduler.assign_task(task)
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/edit", params={"id": "a"}), "/do/save-task")
        for name, text in typed.items():
            form.values[name] = text
        if typed.get("spread") == "":
            form.values.pop("spread")
        page = await form.send(reader, "preview")
        assert page.status_code == 200, page.text
        table = page.text.partition('<table class="runs">')[2].partition("</table>")[0]
        shown = [datetime.fromisoformat(each.partition('"')[0]) for each in table.split('<time datetime="')[1:]]
        words = words_of(await form_of(page, "/do/save-task").send(reader, "save"))
        assert words.startswith("The task a is changed")
    saved = await scheduler.get_task("a")
    assert saved is not None
    real = next_runs(saved, 10)
    assert len(shown) == len(real) > 0
    # A moment of a cron expression may have passed between the two, or pass now.
    now = datetime.now(UTC)
    shown, real = [each for each in shown if each > now], [each for each in real if each > now]
    assert shown
    # A moment that counts from now, or a phase that does, is later by the time between the two.
    counts_from_now = {"start", "until"} & {*typed} or (task.rules.cron and typed.get("runs") == "every")
    slack = 60 if counts_from_now else 0.002
    assert all(abs((one - other).total_seconds()) <= slack for one, other in zip(shown, real, strict=False)), (
        shown,
        real,
    )


async def test_errors_stand_beside_their_fields(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", "x", every=60))
    before = await scheduler.get_task("a")
    wrong = [
        ("every", {"every": "soon"}),
        ("every", {"every": ""}),
        ("cron", {"runs": "cron", "cron": "61 * * * *"}),
        ("cron", {"runs": "cron"}),
        ("timezone", {"runs": "cron", "cron": "0 9 * * *", "timezone": "Mars/Base"}),
        ("retries", {"retries": "many"}),
        ("retries", {"retries": "100000"}),
        ("until", {"until": "never"}),
        ("jitter", {"jitter": "2m"}),
        ("max_runs", {"max_runs": "0"}),
        ("repeat", {"runs": "cron", "cron": "0 9 * * *", "repeat": "delay"}),
        ("group", {"group": "a;b"}),
        ("start", {"start": "x"}),
        ("start", {"start": "9999-12-31T23:59-12:00"}),
        ("start", {"start": "9999-12-31T23:59:59.9999Z"}),
        ("until", {"until": "0001-01-01T00:00+14:00"}),
        ("data", {"payload": "{", "payload_as": "json"}),
        ("data", {"payload": "x" * 300_000}),
    ]
    async with reader_of(scheduler, "admin") as reader:
        page = await reader.get("/edit", params={"id": "a"})
        unknown = await form_of(page, "/do/save-task").send(reader, "save", missed="x")
        assert (unknown.status_code, 'id="missed-wrong"' in unknown.text) == (400, True)
        for name, typed in wrong:
            for button in ("preview", "save"):
                answer = await form_of(page, "/do/save-task").send(reader, button, **typed)
                assert answer.status_code == 400
                assert f'id="{name}-wrong"' in answer.text, (name, typed)
                assert ">It &#39;" not in answer.text  # a sentence has one subject
                again = form_of(answer, "/do/save-task")
                assert {key: again.values[key] for key in typed} == typed  # nothing that was typed is lost
    assert await scheduler.get_task("a") == before


async def test_a_change_by_somebody_else_is_told(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", "x", every=60))
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/edit", params={"id": "a"}), "/do/save-task")
        await scheduler.update_task("a", every=600, data="y")
        answer = await form.send(reader, "save", retries="3", payload="z")
        assert answer.status_code == 409
        assert "Interval: 1m → 10m" in answer.text
        assert "Payload: another one" in answer.text
        task = await scheduler.get_task("a")
        assert task is not None
        assert (task.every, task.data, task.rules.retries) == (600, "y", 0)
        again = form_of(answer, "/do/save-task")
        assert (again.values["every"], again.values["retries"], again.values["payload"]) == ("10m", "3", "z")
        assert "retries, payload" in words_of(await again.send(reader, "save"))
        task = await scheduler.get_task("a")
        assert task is not None
        assert (task.every, task.data, task.rules.retries) == (600, "z", 3)
        bad = await again.send(reader, "save", basis="[1]")
        assert bad.status_code == 400


async def test_a_run_meanwhile_is_no_change(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=60))
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/edit", params={"id": "a"}), "/do/save-task")
        await scheduler.update_task("a", start=_START)
        assert "is changed" in words_of(await form.send(reader, "save", retries="3"))


@pytest.mark.parametrize("data", [b"\xff\x00", "a\r\nb", "a\x07b", "x" * 70_000])
async def test_a_payload_that_no_field_can_hold_stays_until_it_is_replaced(
    scheduler: Scheduler, data: str | bytes
) -> None:
    await scheduler.assign_task(IntervalTask("a", data, every=60))
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/edit", params={"id": "a"}), "/do/save-task")
        assert (form.values["payload"], form.values["payload_as"]) == ("", "stays")
        assert (await form.send(reader, "save", payload="new")).status_code == 400  # which of both is meant?
        assert "is changed: retries" in words_of(await form.send(reader, "save", retries="3"))
        assert await scheduler.is_scheduled("a") == data
        form = form_of(await reader.get("/edit", params={"id": "a"}), "/do/save-task")
        await form.send(reader, "save", payload="new", payload_as="text")
        assert await scheduler.is_scheduled("a") == (b"new" if isinstance(data, bytes) else "new")


async def test_a_hidden_payload_is_not_overwritten(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", "secret", every=60))
    async with reader_of(scheduler, "admin", redact=lambda task_id, data: "***") as reader:
        form = form_of(await reader.get("/edit", params={"id": "a"}), "/do/save-task")
        assert form.values["payload_as"] == "stays"
        await form.send(reader, "save", retries="3")
    assert await scheduler.is_scheduled("a") == "secret"


async def test_a_task_that_is_gone_is_told(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask(ODD, every=60))
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/edit", params={"id": ODD}), "/do/save-task")
        assert "is changed" in words_of(await form.send(reader, "save", retries="1"))
        await scheduler.remove_task(ODD)
        assert (await form.send(reader, "save", retries="2")).status_code == 404
        assert (await reader.get("/edit", params={"id": ODD})).status_code == 404


async def test_a_new_task_is_added_once(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/new"), "/do/add-task")
        bad = await form.send(reader, "save")
        assert all(f'id="{name}-wrong"' in bad.text for name in ("id", "every"))
        typed: dict[str, Any] = {
            "id": "feed:7",
            "every": "15m",
            "payload": '{"a": 1}',
            "payload_as": "json",
            "group": "t",
        }
        preview = await form.send(reader, "preview", **typed)
        assert preview.text.partition('<table class="runs">')[2].count("<time ") == 11  # and one in the foot
        assert await scheduler.task_size() == 0
        assert words_of(await form_of(preview, "/do/add-task").send(reader, "save")) == "The task feed:7 is scheduled."
        (entry,) = (await scheduler.actions()).actions
        assert (entry.kind, entry.task_id) == ("assign_task", "feed:7")
        task = await scheduler.get_task("feed:7")
        assert task is not None
        assert (task.every, task.data, task.rules) == (900, '{"a": 1}', Rules(group="t"))
        again = await form.send(reader, "save", **(typed | {"every": "1h"}))
        assert again.status_code == 400
        assert "scheduled already" in again.text
        assert (await scheduler.get_task("feed:7")) == task
        assert 'id="id-wrong"' in (await form.send(reader, "save", **(typed | {"id": "x" * 600}))).text


async def test_a_scheduler_that_accepts_nothing_adds_nothing(
    redis_server: RedisServer, namespace: str, scheduler: Scheduler
) -> None:
    only_looks = Scheduler.from_url(redis_server.url, namespace=namespace)
    await only_looks.connect(create=False)
    try:
        async with reader_of(only_looks, "admin") as reader:
            form = form_of(await reader.get("/new"), "/do/add-task")
            answer = await form.send(reader, "save", id="a", every="1m")
            assert answer.status_code == 400
            assert "does not accept any" in answer.text
    finally:
        await only_looks.close()
    assert await scheduler.task_size() == 0
    assert not (await scheduler.actions()).actions


async def test_every_field_is_in_the_form(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "admin") as reader:
        form = form_of(await reader.get("/new"), "/do/add-task")
        assert {field.name for field in FIELDS} <= {*form.values, *form.boxes}
        view = await read(reader, "/new.json")
        assert view["texts"] == texts_of(values_of(IntervalTask("x"))) | {"runs": "every"}
        bad = await reader.post("/do/save-task", data={"retries": "1"}, headers={"Origin": HOST})
        assert bad.status_code == 400
