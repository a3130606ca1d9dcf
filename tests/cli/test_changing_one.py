"""`assign` and `edit`: one task by all its rules, and the payload from where it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.frame.connecting import scheduler_of
from interval_scheduler.cli.frame.settings import Settings
from tests.cli.conftest import Result
from tests.cli.looking import values_of
from tests.rights import restrict
from tests.servers import RedisServer

Command = Callable[..., Result]
Beside = Callable[..., Awaitable[Result]]

#: Every option, and what the task has then.
_RULES = {
    "every": "15m",
    "start": "2096-10-02T07:00Z",
    "until": "2100-01-01T00:00Z",
    "max-runs": "7",
    "retries": "3",
    "backoff": "2s",
    "run-timeout": "1m",
    "group": "tenant",
    "late": "skip",
    "start-deadline": "5m",
    "overlap": "once",
    "jitter": "10s",
    "history": "5",
}


def connect(server: RedisServer, namespace: str) -> Scheduler:
    return Scheduler.from_url(server.url, namespace=namespace)


@pytest.mark.asyncio
async def test_a_task_is_assigned_by_all_its_rules(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    made = await beside(
        "assign", "a", *(f"--{name}={value}" for name, value in _RULES.items()), "--data", '{"n":1}', "--json"
    )
    assert made.code == 0, made.err
    (told,) = values_of(made, "assignment")
    assert (told["id"], told["result"]) == ("a", "new")
    assert 4_000_000_000 - 400 <= told["next_run"] <= 4_000_000_000 - 390, "with its jitter"
    async with connect(redis_server, namespace) as scheduler:
        task = await scheduler.get_task("a")
        assert task is not None
        assert (task.data, task.every) == ('{"n":1}', 900)
        (entry,) = (await scheduler.actions()).actions
        assert (entry.kind, entry.task_id) == ("assign_task", "a")
        rules = task.rules
        assert (rules.max_runs, rules.retries, rules.backoff, rules.timeout, rules.group) == (7, 3, 2, 60, "tenant")
        assert (rules.late, rules.start_deadline, rules.overlap) == ("skip", 300, "once")
        assert (rules.jitter, rules.history, rules.until) == (10, 5, 4102444800)

        again = await beside("assign", "a", "--if-absent", "--every", "1m")
        assert (again.code, again.out.splitlines()[1]) == (0, "result    exists")
        task = await scheduler.get_task("a")
        assert task is not None
        assert task.every == 900, "it is left as it is"
        assert (
            "updated" in (await beside("assign", "a", "--every", "1h", "--start", "+2h", "--reschedule", "start")).out
        )
        task = await scheduler.get_task("a")
        assert task is not None
        assert (task.every, task.data, task.rules.retries) == (3600, "", 0), "it has what is said and nothing else"

        cron = await beside("assign", "c", "--if-absent", "--cron", "0 9 * * mon-fri", "--timezone", "Europe/Riga")
        assert "new" in cron.out
        task = await scheduler.get_task("c")
        assert task is not None
        assert (task.cron, task.timezone) == ("0 9 * * mon-fri", "Europe/Riga")


@pytest.mark.asyncio
async def test_only_what_is_given_is_edited(beside: Beside, redis_server: RedisServer, namespace: str) -> None:
    async with connect(redis_server, namespace) as scheduler:
        task = IntervalTask("a", "x", every=900, start=4_000_000_000, until=4_100_000_000, retries=3, group="g")
        await scheduler.assign_task(task)
        edited = await beside("edit", "a", "--until", "none", "--group", "none", "--retries", "5", "--json")
        assert (edited.code, edited.err) == (0, "")
        assert values_of(edited, "assignment") == [{"id": "a", "result": "changed", "next_run": 4_000_000_000}]
        found = await scheduler.get_task("a")
        assert found is not None
        assert (found.rules.until, found.group, found.rules.retries) == (None, None, 5)
        assert (found.data, found.every, found.next_run) == ("x", 900, 4_000_000_000), "the rest stays"
        once = await beside("edit", "a", "--every", "none", "--start", "none", "--data", "y")
        assert once == Result(0, once.out, "It has no interval and no cron expression now: it runs once more.\n")
        found = await scheduler.get_task("a")
        assert found is not None
        assert (found.every, found.data) == (None, "y")
        assert found.next_run < 4_000_000_000
    assert await beside("edit", "b", "--retries", "5") == Result(1, "", "There is no task 'b'.\n")


@pytest.mark.asyncio
async def test_a_start_that_does_not_count_is_told(beside: Beside) -> None:
    words = ("assign", "a", "--every", "15m", "--start")
    assert "--reschedule" not in (await beside(*words, "2096-10-02T07:00Z")).err
    again = await beside(*words, "2097-01-01T00:00Z", "--json")
    assert [each["next_run"] for each in values_of(again, "assignment")] == [4_000_000_000 - 400], "as planned"
    assert "add --reschedule start" in again.err
    moved = await beside(*words, "2097-01-01T00:00Z", "--reschedule", "start", "--json")
    assert [each["next_run"] for each in values_of(moved, "assignment")] == [4_007_836_800]
    assert moved.err == ""


@pytest.mark.asyncio
async def test_payloads_come_from_files_and_stdin(
    beside: Beside, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    binary, text = bytes(range(256)), "häuser\n"
    (tmp_path / "binary").write_bytes(binary)
    assert (await beside("assign", "a", "--start", "+1h", "--data", f"@{tmp_path / 'binary'}")).code == 0
    assert (await beside("assign", "b", "--start", "+1h", "--data", "-", given=text)).code == 0
    assert (await beside("assign", "c", "--start", "+1h", "--data", "häuser")).code == 0
    async with connect(redis_server, namespace) as scheduler:
        assert [await scheduler.is_scheduled(each) for each in "abc"] == [binary, text, "häuser"]
    missing = await beside("assign", "d", "--data", f"@{tmp_path / 'nowhere'}")
    assert missing.code == 2
    assert "No such file" in missing.err
    endless = await beside("assign", "d", "--data", "@/dev/zero")
    assert endless.code == 2
    assert endless.err.startswith("--data must be at most")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["assign", "a", "--every", "5x"], "'5x' is no duration"),
        (["assign", "a", "--every", "5m", "--cron", "* * * * *"], "cron cannot be combined"),
        (["assign", "a", "--retries", "5000"], "--retries must be"),
        (["assign", ""], "id must not be empty"),
        (["edit", "a"], "Say what is to be changed"),
        (["edit", "a", "--retries", "none"], "'none' is not a valid integer"),
        (["edit", "a", "--until", "tomorrow"], "'tomorrow' is no moment"),
        (["pause", "a", "--reason", "two\nlines"], "in one line"),
        (["pause", "--prefix", "a", "--reason", "two\nlines", "--yes"], "in one line"),
        (["pause", "--yes", "--reason", "x" * 501], "at most 500 characters"),
    ],
)
def test_bad_values_are_told_before_anything_is_sent(command: Command, words: list[str], said: str) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    ended = command(*words, INTERVAL_SCHEDULER_REDIS=nowhere)
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert said in ended.err


@pytest.mark.asyncio
async def test_settings_of_the_environment_give_way_to_the_command_line(
    beside: Beside, redis_server: RedisServer, namespace: str
) -> None:
    other = f"{namespace}-other"
    made = await beside("assign", "a", "--start", "+1h", "-n", other, INTERVAL_SCHEDULER_ACTOR="deployment")
    assert made.code == 0, made.err
    assert (await beside("pause", "a", "-n", other, INTERVAL_SCHEDULER_ACTOR="deployment")).code == 0
    async with connect(redis_server, other) as scheduler:
        task = await scheduler.get_task("a")
        assert task is not None
        assert task.paused is not None
        assert task.paused.who == "deployment"
    bad = await beside("pause", "a", INTERVAL_SCHEDULER_OPERATION_TIMEOUT_SECONDS="soon")
    assert bad.code == 78
    assert "INTERVAL_SCHEDULER_OPERATION_TIMEOUT_SECONDS must be a number" in bad.err


@pytest.mark.parametrize(
    ("of_environment", "of_command_line", "seconds"), [(None, None, 10), ("3", None, 3), ("3", 5.0, 5), (None, 5.0, 5)]
)
def test_the_time_that_a_server_may_take(
    of_environment: str | None, of_command_line: float | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if of_environment is not None:
        monkeypatch.setenv("INTERVAL_SCHEDULER_OPERATION_TIMEOUT_SECONDS", of_environment)
    settings = Settings(
        urls=("redis://127.0.0.1/0",),
        namespace=None,
        queue=None,
        as_json=False,
        quiet=False,
        color=False,
        timeout=of_command_line,
        utc=True,
        debug=False,
    )
    assert scheduler_of(settings)._options.storage.operation_timeout_seconds == seconds


def test_a_server_that_does_not_answer(command: Command, own_server: Callable[..., RedisServer]) -> None:
    server = own_server()
    server.freeze()
    ended = command("remove", "a", "--timeout", "1s", INTERVAL_SCHEDULER_REDIS=server.url)
    assert (ended.code, ended.out) == (69, "")
    assert "did not answer in time" in ended.err


def test_who_may_not_write_changes_nothing(command: Command, own_server: Callable[..., RedisServer]) -> None:
    server = own_server()
    assert command("assign", "a", "--start", "+1h", INTERVAL_SCHEDULER_REDIS=server.url).code == 0
    url = restrict(server, ["on", ">password", "~*", "&*", "+@all", "-hset", "-zadd"])
    for words in (["edit", "a", "--retries", "1"], ["pause", "a"], ["assign", "b", "--every", "1m"]):
        ended = command(*words, INTERVAL_SCHEDULER_REDIS=url)
        assert ended.code == 77, ended
        assert "password" not in ended.err
        assert "NOPERM" in ended.err
