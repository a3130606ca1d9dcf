"""`remove`, `run-now`, `pause`, `resume`, `revive`, `cancel`, and `dead`: by ids, from stdin, by a prefix."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.changing.changes import Forget
from tests.cli.conftest import Result
from tests.cli.looking import values_of
from tests.servers import RedisServer
from tests.waiting import Recorder, until

Command = Callable[..., Result]
Beside = Callable[..., Awaitable[Result]]
START = 4_000_000_000


def connect(server: RedisServer, namespace: str) -> Scheduler:
    return Scheduler.from_url(server.url, namespace=namespace)


async def fill(scheduler: Scheduler, *ids: str) -> None:
    await scheduler.assign_tasks([IntervalTask(each, every=900, start=START) for each in ids])


async def states(scheduler: Scheduler) -> dict[str, str]:
    return {task.id: task.state async for task in scheduler.tasks()}


def results(ended: Result) -> dict[str, str]:
    return {row["id"]: row["result"] for row in values_of(ended, "change")}


@pytest.mark.asyncio
async def test_each_id_has_an_answer(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    async with connect(redis_server, namespace) as scheduler:
        await fill(scheduler, "a", "b")
        paused = await beside("pause", "a", "x", "a", "--reason", "too loud")
        assert paused == Result(1, "id\tresult\na\tpaused\nx\tno such task\n", "paused: 1, no such task: 1\n")
        task = await scheduler.get_task("a")
        assert task is not None
        assert task.paused is not None
        assert (task.paused.reason, "@" in str(task.paused.who)) == ("too loud", True)
        assert (await beside("run-now", "a", "b", "--dry-run", "--json")).out.splitlines() == [
            '{"id":"a","done":false,"result":"paused"}',
            '{"id":"b","done":true,"result":"would be told to run"}',
        ]
        assert results(await beside("run-now", "a", "b", "x", "--json")) == {
            "a": "paused",
            "b": "told to run",
            "x": "no such task",
        }
        assert await scheduler.queue_size() == 1
        assert await beside("resume", "a", "-q") == Result(0, "a\tresumed\n", "")
        assert results(await beside("cancel", "a", "x", "--json")) == {"a": "no run in progress", "x": "no such task"}
        tried = await beside("remove", "a", "x", "--dry-run")
        assert (tried.code, tried.out) == (1, "id\tresult\na\twould be removed\nx\tno such task\n")
        assert await states(scheduler) == {"a": "waiting", "b": "waiting"}
        before = {entry.kind for entry in (await scheduler.actions()).actions}
        assert "remove_task" not in before, "a dry run removes nothing"
        assert (await beside("remove", "a", "b")).code == 0
        assert await states(scheduler) == {}
        entry = (await scheduler.actions()).actions[0]
        assert (entry.kind, entry.task_id, entry.count) == ("remove_task", None, 2)


@pytest.mark.asyncio
async def test_odd_ids(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    odd = ["--yes", "é 🛰", "tab\there", "two\nlines", "\x1b[2J", "{tag}:1", " "]
    async with connect(redis_server, namespace) as scheduler:
        await fill(scheduler, *odd, "-")
        shown = await beside("pause", "--", *odd)
        assert shown.code == 0, shown.err
        assert "\x1b" not in shown.out
        assert len(shown.out.splitlines()) == len(odd) + 1
        lines = "".join(f"{each}\r\n" for each in odd if "\n" not in each)
        read = await beside("resume", "--json", "-", given=lines + "\n-")
        assert results(read) == {each: "resumed" for each in [*odd, "-"] if "\n" not in each}
    for given in (b"a\n\xff\n", b"a\n" + b"x" * 513, b"a\nb\0\n"):
        refused = await beside("resume", "-", given=given)
        assert (refused.code, refused.out) == (2, "")
        assert "line 2 of stdin: id must" in refused.err
    assert (await beside("remove", "a", "")).code == 2


@pytest.mark.asyncio
async def test_thousands_of_ids_share_round_trips(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    ids = [f"t:{n}" for n in range(5000)]
    async with connect(redis_server, namespace) as scheduler:
        await fill(scheduler, *ids)
        with redis_server.client() as client:
            before = _calls(client.info("commandstats"))
            ended = await beside("pause", "-", given="\n".join(ids))
            assert ended.code == 0, ended.err
            assert ended.err == "paused: 5,000\n"
            assert len(ended.out.splitlines()) == 5001
            assert _calls(client.info("commandstats")) - before < 1000
        assert set((await states(scheduler)).values()) == {"paused"}


def _calls(stats: Any) -> int:
    return sum(int(stats[name]["calls"]) for name in ("cmdstat_evalsha", "cmdstat_eval") if name in stats)


def test_a_reader_that_leaves_does_not_stop_the_work(
    command: Command, redis_server: RedisServer, namespace: str
) -> None:
    assert command("assign", "t:2999", "--start", "+1h").code == 0
    program = [sys.executable, "-m", "interval_scheduler.cli", "remove", "-"]
    program += ["--redis", redis_server.url, "-n", namespace]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write("\n".join(f"t:{n}" for n in range(3000)).encode())
        process.stdin.close()
        assert process.stderr.read() in (
            b"no such task: 2,999, removed: 1\n",
            b"removed: 1, no such task: 2,999\n",
        )
        assert process.wait(60) == 1


@pytest.mark.asyncio
async def test_by_a_prefix(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    async with connect(redis_server, namespace) as scheduler:
        await fill(scheduler, "feed:1", "feed:2", "mail:1")
        for verb in ("remove", "run-now"):  # in one call, and one by one
            refused = await beside(verb, "--prefix", "feed:")
            assert (refused.code, refused.out) == (64, "")
            assert "2 tasks whose ids start with 'feed:'" in refused.err
            assert "give --yes" in refused.err
            tried = await beside(verb, "--prefix", "feed:", "--dry-run")
            (row, *_), last = sorted(tried.out.splitlines()[1:-1]), tried.out.splitlines()[-1]
            assert (row.split("\t")[0], last.startswith("2 would be ")) == ("feed:1", True)
            (value,) = values_of(await beside(verb, "--prefix", "feed:", "--dry-run", "--json"), "count")
            assert (value["count"], sorted(value["ids"])) == (2, ["feed:1", "feed:2"])
            for more in ("--yes", "--dry-run"):
                nothing = await beside(verb, "--prefix", "zzz", more)
                assert nothing.code == 1
                assert "There are no tasks to " in nothing.err
        assert await states(scheduler) == dict.fromkeys(["feed:1", "feed:2", "mail:1"], "waiting")
        paused = await beside("pause", "--prefix", "feed:", "--yes", "--reason", "moving", "--json")
        assert (paused.code, values_of(paused, "count")) == (0, [{"count": 2, "result": "paused"}])
        assert (await states(scheduler))["feed:2"] == "paused"
        assert (await beside("resume", "--prefix", "feed:", "--yes")).out == "2 resumed\n"
        assert results(await beside("run-now", "--prefix", "mail:", "--yes", "--json")) == {"mail:1": "told to run"}
        assert (await beside("remove", "--prefix", "feed:", "--yes")).out == "2 removed\n"
        assert list(await states(scheduler)) == ["mail:1"]
        again = await beside("remove", "--prefix", "feed:", "--yes", "--json")
        assert (again.code, again.out) == (1, '{"count":0,"result":"removed"}\n')
        assert (await beside("remove", "--prefix", "", "--yes")).code == 2
        assert (await beside("remove", "a", "--prefix", "b", "--yes")).code == 2
        assert (await beside("remove", "--yes")).code == 2


@pytest.mark.asyncio
async def test_the_whole_namespace_or_a_queue(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    async with connect(redis_server, namespace) as scheduler:
        await scheduler.queue("mail").connect()
        refused = await beside("pause")
        assert (refused.code, refused.out) == (64, "")
        assert f"Pause the namespace {namespace!r}?" in refused.err
        assert f"{namespace!r} would be paused" in (await beside("pause", "--dry-run")).out
        assert await scheduler.paused() is None
        assert (await beside("pause", "--yes", "--reason", "night", "--queue", "mail")).code == 0
        found = await scheduler.queue("mail").paused()
        assert found is not None
        assert found.reason == "night"
        assert await scheduler.paused() is None
        assert (await beside("pause", "--yes", "--json")).out == '{"result":"paused"}\n'
        assert await scheduler.paused() is not None
        assert (await beside("resume", "--yes")).out == f"the namespace {namespace!r} is resumed\n"
        assert await scheduler.paused() is None
        assert (await beside("pause", "--yes", "--queue", "none")).code == 78


@pytest.mark.asyncio
async def test_a_dry_run_names_the_first_tasks(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    async with connect(redis_server, namespace) as scheduler:
        await fill(scheduler, *(f"t:{n}" for n in range(50)))
        for words in (["remove", "--prefix", "t:"], ["run-now", "--prefix", "t:"], ["clear"]):
            tried = (await beside(*words, "--dry-run")).out.splitlines()
            assert (len(tried), tried[-1].split()[0]) == (22, "50")
        assert await scheduler.task_size() == 50


@pytest.mark.asyncio
async def test_runs_in_progress_are_cancelled(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with connect(redis_server, namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask("a:1", "a:1"), IntervalTask("a:2", "a:2"), IntervalTask("b", "b")])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(3)
        tried = await beside("cancel", "--prefix", "a:", "--dry-run")
        assert sorted(tried.out.splitlines()) == [
            "2 would be cancelled",
            "a:1\twould be cancelled",
            "a:2\twould be cancelled",
            "id\tresult",
        ]
        ended = await beside("cancel", "--prefix", "a:", "--yes")
        assert ended.code == 0, ended.err
        await until(lambda: len(recorder.cancelled) == 2, 60)
        assert {run.id for run in recorder.cancelled} == {"a:1", "a:2"}
        assert (await beside("cancel", "b", "--hand-back")).code == 0
        await until(lambda: len(recorder.cancelled) == 3, 60)
        recorder.gate.set()


@pytest.mark.asyncio
async def test_dead_tasks(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    async def fail(data: Any) -> None:
        raise ValueError(data)

    async with connect(redis_server, namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", "no route" if n < 3 else "no room") for n in range(6)])
        await scheduler.start_task_execute(fail)

        async def dead() -> int:
            return (await scheduler.overview()).dead

        async def six_are_dead() -> bool:
            return await dead() == 6

        await until(six_are_dead, 60)
        await scheduler.stop_task_execute()
        for verb, past in (("revive", "revived"), ("clear", "forgotten")):
            foreseen = await beside("dead", verb, "--error-contains", "ROUTE", "--dry-run", "--json")
            (value,) = values_of(foreseen, "count")
            assert (value["count"], value["result"], len(value["ids"])) == (3, f"would be {past}", 3)
        assert (await beside("dead", "clear", "--dry-run")).out.endswith("6 would be forgotten\n")
        assert await dead() == 6
        refused = await beside("dead", "revive", "--error-contains", "ROUTE")
        assert refused.code == 64
        assert "Revive 3 dead tasks?" in refused.err
        assert results(await beside("revive", "t0", "x", "--dry-run", "--json")) == {
            "t0": "would be revived",
            "x": "no such dead task",
        }
        assert await dead() == 6
        assert results(await beside("revive", "t0", "x", "--json")) == {"t0": "revived", "x": "no such dead task"}
        revived = await beside("dead", "revive", "--error-contains", "route", "--yes", "--json")
        assert results(revived) == {"t1": "revived", "t2": "revived"}
        assert await beside("dead", "revive", "--error-contains", "route", "--yes", "-q") == Result(0, "", "")
        assert await states(scheduler) == dict.fromkeys(["t0", "t1", "t2"], "waiting")
        assert (await beside("dead", "clear", "--since", "2090-01-01", "--yes", "-q")).out == ""
        assert (await beside("revive", "--prefix", "t5", "--yes")).code == 0
        assert (await beside("dead", "clear", "--error-contains", "room", "--since", "1h")).code == 64
        assert await dead() == 2
        await scheduler.assign_task(IntervalTask("t3", start=START))
        forgotten = await beside("dead", "clear", "--error-contains", "room", "--since", "1h", "--yes", "--json")
        assert (forgotten.code, results(forgotten)) == (0, {"t4": "forgotten"})
        assert not await Forget().make(scheduler, "t3"), "it was listed as dead, and is scheduled again by now"
        assert await scheduler.has_task("t3")
        assert "Forget 0 dead tasks" in (await beside("dead", "clear")).err
        assert (await beside("dead", "clear", "--yes")).out == "0 forgotten\n"


def test_a_bug_is_told_in_a_line(redis_server: RedisServer, namespace: str) -> None:
    program = (
        "import interval_scheduler.cli.options.ids as ids\nfrom interval_scheduler.cli import main\n"
        "def broken(word, where):\n    raise RuntimeError('a bug')\n"
        "ids._id = broken\nmain()\n"
    )
    words = ["remove", "a", "--redis", redis_server.url, "-n", namespace]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTERVAL_SCHEDULER_")}
    ended = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, check=False, timeout=60, env=environment
    )
    assert (ended.returncode, ended.stdout) == (70, b"")
    assert ended.stderr.startswith(b"RuntimeError: a bug\n")
    assert b"Traceback" not in ended.stderr


def test_a_namespace_that_is_not_there(command: Command, redis_server: RedisServer, namespace: str) -> None:
    for words in (["remove", "a"], ["edit", "a", "--retries", "1"], ["pause", "--yes"], ["dead", "clear", "--yes"]):
        assert command(*words).code == 78
    assert not redis_server.client().keys(f"*{namespace}*")
