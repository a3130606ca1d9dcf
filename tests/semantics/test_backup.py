"""Export and restore: all there is of a task goes out and comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final

import pytest

from interval_scheduler import (
    BackupCutShort,
    BlockingScheduler,
    IntervalTask,
    InvalidLine,
    InvalidType,
    InvalidValue,
    NotAcceptingTasks,
    Rate,
    RestoreCounts,
    Retry,
    Scheduler,
    acting_as,
    check_backup,
)
from interval_scheduler.model.wire import LATEST_MS
from tests.servers import RedisServer
from tests.waiting import Recorder, until

FAR: Final = float(int(time.time()) + 1_000_000)
Make = Callable[..., Awaitable[Scheduler]]


async def exported(scheduler: Scheduler, prefix: str = "") -> list[bytes]:
    return [line async for line in scheduler.export(prefix)]


def tasks_of(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """The lines of tasks, sorted by id."""
    found = [json.loads(line) for line in lines]
    return sorted((each for each in found if "id" in each), key=lambda each: str(each["id"]))


def held() -> Recorder:
    """A recorder whose runs wait until its gate is set."""
    recorder = Recorder()
    recorder.gate.clear()
    return recorder


EVERY_KIND: Final = [
    IntervalTask("plain", '{"a": 1}', every=900, start=FAR),
    IntervalTask("once", "", start=FAR),
    IntervalTask("bytes", b"\xff\0\n", every=60, start=FAR),
    IntervalTask("text", 'quotes " \\ \n \u2028 \N{SNOWMAN}', start=FAR),
    IntervalTask("delay", every=60, repeat="delay", start=FAR),
    IntervalTask("spread", every=3600, spread=True, start=FAR),
    IntervalTask("cron", cron="0 7 * * 1-5", timezone="Europe/Berlin", jitter=20, missed="all"),
    IntervalTask("\N{SNOWMAN} {tag}:1", every=60, start=FAR),
    IntervalTask(
        "{tag}:2",
        every=60,
        start=FAR,
        until=FAR + 1e6,
        max_runs=7,
        retries=3,
        backoff=2.5,
        timeout=30,
        group="tenant-7",
        late="skip",
        start_deadline=5,
        overlap="once",
        jitter=0.25,
        history=5,
    ),
]


@pytest.mark.asyncio
async def test_all_kinds_of_tasks_go_out_and_come_back(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(EVERY_KIND)
    await scheduler.assign_task(IntervalTask("plain", '{"a": 2}', every=800), reschedule="keep")
    await scheduler.pause_task("once")
    lines = await exported(scheduler)
    header, trailer = json.loads(lines[0]), json.loads(lines[-1])
    assert (header["format"], header["version"], header["paused"]) == ("interval-scheduler", 1, False)
    assert abs(header["at_ms"] / 1000 - time.time()) < 60
    assert trailer == {"end": True, "tasks": len(EVERY_KIND), "left_out": 0}
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    before = {task.id: task async for task in scheduler.tasks()}
    assert await scheduler.restore(lines) == RestoreCounts(skipped=len(EVERY_KIND)), "all of them exist"
    assert await scheduler.clear_all_tasks() == len(EVERY_KIND)
    assert await scheduler.restore(lines) == RestoreCounts(restored=len(EVERY_KIND))
    assert {task.id: task async for task in scheduler.tasks()} == before
    assert sorted(await exported(scheduler))[1:] == sorted(lines)[1:] or tasks_of(
        await exported(scheduler)
    ) == tasks_of(lines)
    assert [task.id async for task in scheduler.tasks(prefix="{tag}:")] == ["{tag}:2"], "it is in the index of its tag"
    assert not (await scheduler.audit()).problems


@pytest.mark.asyncio
async def test_what_runs_left_behind_goes_out_and_comes_back(scheduler: Scheduler) -> None:
    """A failing task, a dead one, one with runs to count and a history, one with a failed delivery."""

    async def work(data: str) -> None:
        if data == "fails":
            raise ValueError("it failed: \N{SNOWMAN}")
        if data == "again":
            raise Retry(after=FAR - time.time())

    await scheduler.start_task_execute(work)
    await scheduler.assign_tasks(
        [
            IntervalTask("failing", "fails", every=1e6, history=3),
            IntervalTask("dead", "fails"),
            IntervalTask("counted", "well", every=1e6, max_runs=5, history=100),
            IntervalTask("retried", "fails", every=1e6, retries=2, backoff=1e5),
        ]
    )

    async def are_done() -> bool:
        found = {each["id"]: each for each in tasks_of(await exported(scheduler))}
        return (
            "failed_ms" in found["failing"]
            and found["dead"]["state"] == "dead"
            and found["counted"].get("runs") == 1
            and found["retried"].get("attempts") == 1
        )

    await until(are_done)
    await scheduler.stop_task_execute()
    lines = await exported(scheduler)
    found = {each["id"]: each for each in tasks_of(lines)}
    assert found["failing"]["failed_of"] == "ValueError: it failed: \N{SNOWMAN}"
    assert found["failing"]["failures"] == 1
    assert found["failing"]["past"][0]["outcome"] == "failed"
    assert (found["dead"]["died_attempts"], found["dead"]["died_of"]) == (1, "ValueError: it failed: \N{SNOWMAN}")
    past, dead = await scheduler.run_history("failing"), [task async for task in scheduler.dead_tasks()]
    await scheduler.clear_all_tasks()
    await scheduler.clear_dead_tasks()
    assert tasks_of(await exported(scheduler)) == []
    assert await scheduler.restore(lines) == RestoreCounts(restored=4)
    assert tasks_of(await exported(scheduler)) == tasks_of(lines)
    assert await scheduler.run_history("failing") == past
    assert [task async for task in scheduler.dead_tasks()] == dead
    page = await scheduler.failing_page()
    assert {task.id for task in page.tasks} == {"failing", "retried"}
    assert not (await scheduler.audit()).problems


@pytest.mark.asyncio
@pytest.mark.parametrize("paused", [False, True])
async def test_a_leased_task_comes_back_as_one_that_waits(scheduler: Scheduler, paused: bool) -> None:  # noqa: FBT001
    recorder = held()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", "a", every=1e6, group="g"))
    await recorder.ran(1)
    if paused:
        await scheduler.pause_task("a")
    lines = await exported(scheduler)
    (line,) = tasks_of(lines)
    assert (line["state"], line.get("paused", False)) == ("leased", paused)
    recorder.gate.set()
    await scheduler.stop_task_execute()
    await scheduler.clear_all_tasks()
    await scheduler.restore(lines)
    found = await scheduler.get_task("a")
    assert found is not None
    assert (found.state, round(1000 * found.next_run)) == ("paused" if paused else "waiting", line["due_ms"])


@pytest.mark.asyncio
async def test_conflicts(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask("a", "old", every=60, start=FAR), IntervalTask("b", "old", start=FAR)])
    lines = await exported(scheduler)
    await scheduler.assign_task(IntervalTask("a", "new", cron="0 7 * * *"), reschedule="start")
    await scheduler.pause_task("a")
    await scheduler.remove_task("b")
    assert await scheduler.restore(lines) == RestoreCounts(restored=1, skipped=1)
    changed = await scheduler.get_task("a")
    assert changed is not None
    assert changed.data == "new"
    assert await scheduler.restore(lines, on_conflict="replace") == RestoreCounts(replaced=2)
    assert tasks_of(await exported(scheduler)) == tasks_of(lines)
    twice: list[bytes | str] = [
        *lines[:-1],
        lines[1].replace(b"old", b"later"),
        json.dumps({"end": True, "tasks": 3, "left_out": 0}),
    ]
    assert await scheduler.restore(twice) == RestoreCounts(skipped=3)
    assert await scheduler.restore(twice, on_conflict="replace") == RestoreCounts(replaced=3)
    assert [each["text"] for each in tasks_of(await exported(scheduler))].count("later") == 1, "the last one counts"
    assert not (await scheduler.audit()).problems


@pytest.mark.asyncio
async def test_a_task_that_is_replaced_loses_all_it_had(scheduler: Scheduler) -> None:
    """Wherever it stood, and whatever was counted of it, nothing stays; a run in progress does not reschedule it."""
    await scheduler.assign_tasks(
        [IntervalTask(name, "old", every=1e6, start=FAR) for name in ("failing", "dead", "leased")]
    )
    lines = await exported(scheduler)
    recorder = held()

    async def work(data: str) -> None:
        if data == "leased":
            await recorder(data)
        else:
            raise ValueError

    await scheduler.start_task_execute(work)
    await scheduler.assign_tasks(
        [
            IntervalTask("failing", every=1e6, history=2, max_runs=9),
            IntervalTask("dead"),
            IntervalTask("leased", "leased", every=1e6, group="g"),
        ],
        reschedule="start",
    )
    await recorder.ran(1)

    async def have_failed() -> bool:
        found = {each["id"]: each for each in tasks_of(await exported(scheduler))}
        return "failed_ms" in found["failing"] and found["dead"]["state"] == "dead"

    await until(have_failed)
    assert await scheduler.restore(lines, "replace") == RestoreCounts(replaced=3)
    recorder.gate.set()
    await scheduler.stop_task_execute()
    assert tasks_of(await exported(scheduler)) == tasks_of(lines)
    assert not (await scheduler.audit()).problems


@pytest.mark.asyncio
async def test_a_prefix_exports_some_tasks_only(scheduler: Scheduler) -> None:
    await scheduler.set_rate(Rate(5))
    await scheduler.assign_tasks(
        [IntervalTask(f"{tag}:{n}", start=FAR) for tag in ("{a}", "{b}", "c") for n in range(600)]
    )
    for prefix in ("{a}", "{a}:1", "c:", "c:59", "{"):
        lines = await exported(scheduler, prefix)
        wanted = sorted(task.id for task in [task async for task in scheduler.tasks(prefix=prefix)])
        assert [each["id"] for each in tasks_of(lines)] == wanted
        header = json.loads(lines[0])
        assert header["prefix"] == prefix
        assert "quotas" not in header
        assert "paused" not in header


@pytest.mark.asyncio
async def test_pause_and_quotas(make_scheduler: Make) -> None:
    scheduler = await make_scheduler()
    await scheduler.set_rate(Rate(100, per=60, burst=7))
    await scheduler.set_rate(Rate(3), group="g")
    await scheduler.set_group_concurrency({"g": 2, "*": 5})
    await scheduler.pause()
    lines = await exported(scheduler)
    await scheduler.resume()
    other = scheduler.queue("other")
    await other.restore(lines)
    assert json.loads((await exported(other))[0])["paused"] is True
    assert await other.get_rate() == Rate(100, per=60, burst=7)
    assert await other.get_rate(group="g") == Rate(3)
    assert await other.get_group_concurrency() == {"g": 2, "*": 5}
    await other.set_rate(Rate(1))
    await other.restore(lines)
    assert await other.get_rate() == Rate(1), "what is set here stays"
    await other.restore(lines, "replace")
    assert await other.get_rate() == Rate(100, per=60, burst=7)


@pytest.mark.asyncio
async def test_a_restored_group_keeps_its_bound(make_scheduler: Make) -> None:
    """Also of tasks that were leased, or waited for room."""
    scheduler = await make_scheduler(group_concurrency=2)
    recorder = held()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_tasks([IntervalTask(f"t{n}", group="g") for n in range(6)])
    await recorder.ran(2)
    lines = await exported(scheduler)
    assert sorted(each["state"] for each in tasks_of(lines)) == ["leased"] * 2 + ["waiting"] * 4
    other = scheduler.queue("other", group_concurrency=2)
    await other.restore(lines)
    bounded = held()
    await other.start_task_execute(bounded)
    await bounded.ran(2)
    assert [task.state async for task in other.tasks()].count("leased") == 2
    for each in (recorder, bounded):
        each.gate.set()
    await bounded.ran(6)
    await other.stop_task_execute()
    await scheduler.stop_task_execute()


def _line(**fields: Any) -> bytes:
    return json.dumps({"id": "a", "text": "", "state": "waiting", "due_ms": 1} | fields).encode()


BAD: Final[dict[str, tuple[bytes, str]]] = {
    "no JSON": (b"{", "line"),
    "no object": (b"[1]", "line"),
    "deep": (b"[" * 100_000, "line"),
    "not UTF-8": (b'{"id": "\xff"}', "line"),
    "a long number": (b'{"id": ' + b"9" * 5000 + b"}", "line"),
    "NaN": (b'{"id": "a", "text": "", "state": "waiting", "due_ms": NaN}', "line"),
    "too long": (b"x" * (3 << 20), "line"),
    "no id": (_line(id=None), "id"),
    "an id of no text": (_line(id=["a"]), "id"),
    "an empty id": (_line(id=""), "id"),
    "an id with NUL": (_line(id="a\0"), "id"),
    "an id with a surrogate": (b'{"id": "\\ud800", "text": "", "state": "waiting", "due_ms": 1}', "id"),
    "a long id": (_line(id="x" * 513), "id"),
    "no payload": (_line(text=None), "text"),
    "a payload of no text": (_line(text={"a": 1}), "text"),
    "a long payload": (_line(text="x" * 300_000), "text"),
    "two payloads": (_line(base64=""), "base64"),
    "no base64": (_line(text=None, base64="?"), "base64"),
    "a long base64": (_line(text=None, base64=base64.b64encode(b"x" * 262_146).decode()), "base64"),
    "no state": (_line(state=None), "state"),
    "another state": (_line(state="running"), "state"),
    "no due time": (_line(due_ms=None), "due_ms"),
    "a due time that is a text": (_line(due_ms="1"), "due_ms"),
    "a due time that is true": (_line(due_ms=True), "due_ms"),
    "a due time with a fraction": (_line(due_ms=1.5), "due_ms"),
    "a due time before 1970": (_line(due_ms=-1), "due_ms"),
    "a late due time": (_line(due_ms=LATEST_MS + 1), "due_ms"),
    "a huge due time": (_line(due_ms=10**300), "due_ms"),
    "an interval of 0": (_line(every_ms=0, phase_ms=0), "every_ms"),
    "a long interval": (_line(every_ms=10**12, phase_ms=0), "every_ms"),
    "no phase": (_line(every_ms=5), "phase_ms"),
    "a phase beyond the interval": (_line(every_ms=5, phase_ms=5), "phase_ms"),
    "a phase without an interval": (_line(phase_ms=5), "every_ms"),
    "a grid of 0": (_line(every_ms=5, phase_ms=0, grid_ms=0), "grid_ms"),
    "another repetition": (_line(repeat="often"), "repeat"),
    "an unknown field": (_line(shell="rm"), "shell"),
    "rules of no object": (_line(rules=[]), "rules"),
    "an unknown rule": (_line(rules={"rm": 1}), "rules.rm"),
    "a rule of another type": (_line(rules={"retries": "1"}), "rules.retries"),
    "a rule that is a list": (_line(rules={"group": []}), "rules.group"),
    "a rule out of range": (_line(rules={"retries": 10**6}), "rules.retries"),
    "a group of two controls": (_line(rules={"group": "a;r5"}), "rules.group"),
    "a group of two lines": (_line(rules={"group": "a\nb"}), "rules.group"),
    "a bad cron": (_line(rules={"cron": "x"}), "rules.cron"),
    "a bad zone": (_line(rules={"cron": "* * * * *", "timezone": "Mars"}), "rules.timezone"),
    "rules that do not fit": (_line(rules={"max_runs": 1}), "rules.max_runs"),
    "jitter that does not fit": (_line(every_ms=5, phase_ms=1, rules={"jitter_ms": 6}), "rules.jitter_ms"),
    "a pause of a task that waits": (_line(paused=True), "paused"),
    "one moment": (_line(previous_ms=[1]), "previous_ms"),
    "attempts below 0": (_line(attempts=-1), "attempts"),
    "attempts of no number": (_line(attempts=""), "attempts"),
    "many runs": (_line(runs=10**18), "runs"),
    "failures of no number": (_line(failures="1"), "failures"),
    "a death without a moment": (_line(state="dead"), "died_ms"),
    "a long death": (_line(state="dead", died_ms=1, died_of="x" * 5000), "died_of"),
    "a long failure": (_line(failed_ms=1, failed_of="x" * 5000), "failed_of"),
    "a history of no list": (_line(past={}), "past"),
    "a long history": (_line(past=[{}] * 101), "past"),
    "a history of no runs": (_line(past=[1]), "past"),
    "another outcome": (_line(past=[{"started_ms": 1, "lag_ms": 1, "duration_ms": 1, "outcome": "x"}]), "past.outcome"),
    "a long note": (
        _line(past=[{"started_ms": 1, "lag_ms": 1, "duration_ms": 1, "outcome": "ok", "error": "x" * 201}]),
        "past.error",
    ),
    "a trailer with more": (b'{"end": true, "tasks": 0, "rm": 1}', "rm"),
    "a trailer without a count": (b'{"end": true}', "tasks"),
}


@pytest.mark.asyncio
async def test_a_bad_line_is_named_and_nothing_of_its_batch_is_written(scheduler: Scheduler) -> None:
    (header, trailer) = await exported(scheduler)
    good = [_line(id=f"good:{n}") for n in range(501)]
    for name, (line, field) in BAD.items():
        with pytest.raises(InvalidLine) as caught:
            await scheduler.restore([header, _line(id="b"), line, trailer])
        assert (caught.value.line, caught.value.field) == (3, field), name
        assert len(str(caught.value)) < 500, name
        assert await scheduler.task_size() == 0, name
    with pytest.raises(InvalidLine) as caught:
        await scheduler.restore([header, *good, b"?"])
    assert (caught.value.line, await scheduler.task_size()) == (503, 500), "those before its batch are restored"


@pytest.mark.asyncio
async def test_bad_headers(scheduler: Scheduler) -> None:
    header = json.loads((await exported(scheduler))[0])
    for change, field in (
        ({"format": "else"}, "format"),
        ({"version": 2}, "version"),
        ({"version": "1"}, "version"),
        ({"rm": 1}, "rm"),
        ({"paused": "no"}, "paused"),
        ({"quotas": []}, "quotas"),
        ({"quotas": {"rm": 1}}, "quotas.rm"),
        ({"quotas": {"rate": {"count": 0, "per_ms": 1000, "burst": 1}}}, "quotas.rate.count"),
        ({"quotas": {"rate": {"count": 1, "per_ms": 0, "burst": 1}}}, "quotas.rate.per_ms"),
        ({"quotas": {"rates": {"a;b": {"count": 1, "per_ms": 1, "burst": 1}}}}, "quotas.rates"),
        ({"quotas": {"concurrency": {"g": -1}}}, "quotas.concurrency['g']"),
    ):
        with pytest.raises(InvalidLine) as caught:
            await scheduler.restore([json.dumps(header | change)])
        assert (caught.value.line, caught.value.field) == (1, field)
    for lines, field in (([], "line"), ([_line()], "format"), ([b"", json.dumps(header)], "line"), ([5], "line")):
        with pytest.raises(InvalidLine) as caught:
            await scheduler.restore(lines)  # type: ignore[arg-type]
        assert (caught.value.line, caught.value.field) == (1, field)


@pytest.mark.asyncio
async def test_a_backup_that_was_cut_short_is_noticed(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(3)])
    lines = await exported(scheduler)
    await scheduler.clear_all_tasks()
    with pytest.raises(BackupCutShort) as caught:
        await scheduler.restore(lines[:-2])
    assert (caught.value.found, caught.value.expected, caught.value.restored) == (2, None, 2)
    assert await scheduler.task_size() == 2, "what was there is restored"
    with pytest.raises(BackupCutShort) as caught:
        await scheduler.restore([lines[0], *lines[2:]])
    assert (caught.value.found, caught.value.expected) == (2, 3)
    with pytest.raises(InvalidLine, match="behind the end"):
        await scheduler.restore([*lines, lines[1]])
    with pytest.raises(InvalidLine, match="is no JSON"):
        await scheduler.restore([*lines[:-1], lines[-1][:5]])


@pytest.mark.asyncio
async def test_lines_from_anywhere(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(1200)])
    lines = await exported(scheduler)

    async def one_by_one() -> AsyncIterator[str]:
        for line in lines:
            yield line.decode()
            yield "\n"

    for given in (iter(lines), one_by_one(), [line.decode().strip() for line in lines]):
        await scheduler.clear_all_tasks()
        assert await scheduler.restore(given) == RestoreCounts(restored=1200)
    for bad in ("text", b"bytes", 5, None):
        with pytest.raises(InvalidType, match="lines"):
            await scheduler.restore(bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="on_conflict"):
        await scheduler.restore(lines, "both")  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="prefix"):
        await exported(scheduler, 5)  # type: ignore[arg-type]
    await scheduler.stop_task_accept()
    with pytest.raises(NotAcceptingTasks):
        await scheduler.restore(lines)


@pytest.mark.asyncio
async def test_a_restore_that_is_cut_off_can_be_repeated(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(3000)])
    lines = await exported(scheduler)
    await scheduler.clear_all_tasks()
    some_are_there = asyncio.Event()

    async def held_up() -> AsyncIterator[bytes]:
        for line in lines[:2000]:
            yield line
        await until(scheduler.task_size)
        some_are_there.set()
        await asyncio.Event().wait()

    restoring = asyncio.create_task(scheduler.restore(held_up()))
    await some_are_there.wait()
    restoring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restoring
    counts = await scheduler.restore(lines)
    assert counts.restored + counts.skipped == 3000
    assert counts.skipped > 0
    assert tasks_of(await exported(scheduler)) == tasks_of(lines)


@pytest.mark.asyncio
async def test_a_list_and_an_export_may_be_left_early(scheduler: Scheduler) -> None:
    """The fixtures look for what is left behind."""
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(1000)])
    async for _ in scheduler.export():
        break
    async for _ in scheduler.tasks():
        break
    found = scheduler.export()
    assert len([await anext(found) for _ in range(500)]) == 500
    await found.aclose()  # type: ignore[attr-defined]
    assert len(await exported(scheduler)) == 1002


def test_the_same_in_code_without_an_event_loop(url: str, namespace: str) -> None:
    with BlockingScheduler.from_url(url, namespace=namespace) as scheduler:
        scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(1200)])
        lines = list(scheduler.export())
        assert len(lines) == 1202
        assert next(scheduler.export()).startswith(b'{"format"')
        scheduler.clear_all_tasks()
        assert scheduler.restore(line for line in lines) == RestoreCounts(restored=1200)
        assert scheduler.restore(lines, on_conflict="replace") == RestoreCounts(replaced=1200)
        assert len(list(scheduler.export(prefix="t119"))) == 13


@pytest.mark.asyncio
async def test_pauses_keep_their_reasons(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=60, start=FAR))
    with acting_as("ada"):
        await scheduler.pause_task("a", reason="the site is down")
        await scheduler.pause("the shop is closed")
    lines = await exported(scheduler)
    first = await scheduler.paused()
    await scheduler.restore(lines)
    assert await scheduler.paused() == first, "one that is paused stays as it is"
    await scheduler.resume()
    await scheduler.clear_all_tasks()
    with acting_as("grace"):
        await scheduler.restore(lines)
    paused, task = await scheduler.paused(), await scheduler.get_task("a")
    assert paused is not None
    assert (paused.who, paused.reason) == ("grace", "the shop is closed")
    assert task is not None
    assert task.paused is not None
    assert (task.paused.who, task.paused.reason) == ("ada", "the site is down")
    (last, *_) = (await scheduler.actions()).actions
    assert (last.kind, last.who) == ("pause", "grace")


@pytest.mark.asyncio
async def test_a_backup_without_quotas_takes_them_off_where_it_replaces(scheduler: Scheduler) -> None:
    lines = await exported(scheduler)
    await scheduler.set_rate(Rate(7))
    await scheduler.restore(lines)
    assert await scheduler.get_rate() == Rate(7)
    await scheduler.restore(lines, "replace")
    assert await scheduler.get_rate() is None


@pytest.mark.asyncio
async def test_what_somebody_else_wrote_does_not_spoil_a_backup(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        names = ["due", "phase", "every", "payload", "policy", "attempts", "paused", "fine"]
        await scheduler.assign_tasks([IntervalTask(name, every=60, start=FAR) for name in names])
        await scheduler.pause_task("paused", reason="why")
        with redis_server.client() as client:
            (tasks,) = client.keys(f"*{namespace}*:tasks")
            key = tasks.decode().removesuffix("tasks")
            client.zadd(f"{key}due", {"due": 9_999_999_999_999_000})
            client.hset(tasks, "phase", b"s 1000 1000\nx")
            client.hset(tasks, "every", b"s 999999999999999 5\nx")
            client.hset(tasks, "payload", b"s 1000 5\n" + bytes(300 * 1024))
            client.hset(tasks, "policy", b"s 1000 5;r99999999\nx")
            client.hset(f"{key}attempts", "attempts", b"9" * 16)
            client.hset(f"{key}pauses", "paused", b"5 so\x07me\nwhy\nelse")
        late = await scheduler.get_task("due")
        assert late is not None
        assert late.next_run_at.year == 9999, "what is later than any date is the last one"
        lines = await exported(scheduler)
        assert {each["id"] for each in tasks_of(lines)} >= {"fine", "paused"}
        assert json.loads(lines[-1])["left_out"] >= 4
        await scheduler.clear_all_tasks()
        counts = await scheduler.restore(lines)
        assert counts.restored == len(tasks_of(lines)) >= 2


@pytest.mark.asyncio
async def test_a_dry_run_counts_and_changes_nothing(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(1200)])
    await scheduler.set_rate(Rate(5))
    lines = await exported(scheduler)
    dead = {"id": "dead", "text": "", "state": "dead", "died_ms": 1}
    await scheduler.restore([lines[0], json.dumps(dead), '{"end":true,"tasks":1}'])
    await scheduler.clear_tasks(prefix="t11")
    await scheduler.set_rate(None)
    before = tasks_of(await exported(scheduler))
    more = [*lines[:-1], json.dumps(dead).encode(), b'{"end":true,"tasks":1201}']
    await scheduler.stop_task_accept()
    assert await scheduler.restore(more, dry_run=True) == RestoreCounts(restored=111, skipped=1090)
    assert await scheduler.restore(more, "replace", dry_run=True) == RestoreCounts(restored=111, replaced=1090)
    assert tasks_of(await exported(scheduler)) == before
    assert await scheduler.get_rate() is None
    with pytest.raises(InvalidLine):
        await scheduler.restore([lines[0], b"?"], dry_run=True)
    with pytest.raises(BackupCutShort):
        await scheduler.restore(lines[:-1], dry_run=True)


@pytest.mark.asyncio
async def test_a_restore_goes_on_where_it_ended(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(3000)])
    await scheduler.pause("as it was")
    lines = await exported(scheduler)
    await scheduler.clear_all_tasks()
    told: list[int] = []
    assert await scheduler.restore(lines, progress=told.append) == RestoreCounts(restored=3000)
    assert told == sorted(told)
    assert told[-1] == 3000
    assert len(told) >= 6
    await scheduler.clear_all_tasks()
    await scheduler.resume()
    assert await scheduler.restore(lines, after=2000, progress=told.append) == RestoreCounts(restored=1000)
    ids = {json.loads(line)["id"] for line in lines[2001:-1]}
    assert {task.id async for task in scheduler.tasks()} == ids
    assert await scheduler.paused() is None, "the pause came with the first task, and may be over"
    assert await scheduler.restore(lines, after=3000) == RestoreCounts()
    with pytest.raises(BackupCutShort):
        await scheduler.restore(lines[:-2], after=2000)
    for name, bad in (("after", -1), ("after", True), ("dry_run", 1), ("progress", 5), ("progress", asyncio.sleep)):
        with pytest.raises(InvalidValue if bad == -1 else InvalidType, match=name):
            await scheduler.restore(lines, **{name: bad})  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_backup_is_checked_without_a_server(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(10)])
    lines = await exported(scheduler)
    assert check_backup(lines) == 10
    assert check_backup(line.decode() for line in lines) == 10
    with pytest.raises(InvalidLine, match="line 3"):
        check_backup([*lines[:2], b"{}", *lines[3:]])
    with pytest.raises(BackupCutShort) as caught:
        check_backup(lines[:-1])
    assert (caught.value.found, caught.value.expected) == (10, None)
    with pytest.raises(InvalidLine, match="empty"):
        check_backup([])
    with pytest.raises(InvalidType, match="lines"):
        check_backup("text")
