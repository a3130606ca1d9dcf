"""`list`, `show`, `dead` and `failing` on one Redis."""

from __future__ import annotations

import functools
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.cli.looking import ODD_ID, ODD_ID_SHOWN, run_here, seed, values_of
from tests.servers import RedisServer

Command = Callable[..., Result]


def ids(result: Result) -> list[str]:
    """The first column of a list, without its head."""
    assert result.code == 0, result.err
    return [line.split("\t")[0] for line in result.out.splitlines()[1:]]


@pytest.fixture
def here(redis_server: RedisServer, namespace: str) -> Command:
    """Runs a command in this process."""
    return functools.partial(run_here, url=redis_server.url, namespace=namespace)


@pytest.mark.asyncio
async def test_tasks_are_listed(command: Command, here: Command, redis_server: RedisServer, namespace: str) -> None:
    due = await seed(redis_server.url, namespace=namespace)
    listed = command("list", "--utc")
    feeds = [f"feed:{n}" for n in range(5)]
    assert ids(listed) == [*feeds, "again", "rest"], "in due order, the paused one last"
    assert listed.err == ""
    head, first = (line.split("\t") for line in listed.out.splitlines()[:2])
    assert head == ["id", "state", "next", "in", "runs"]
    moment = datetime.fromtimestamp(int(due), UTC).isoformat(" ")
    assert (first[0], first[1], first[2], first[4]) == ("feed:0", "waiting", moment, "every 15m")
    zoned = command("list", "--limit", "1", TZ="Asia/Tokyo")
    assert zoned.out.splitlines()[1].split("\t")[2].endswith("+09:00"), "in the zone of the machine"

    told = values_of(command("list", "--json"), "task")
    assert [task["id"] for task in told] == [*feeds, "again", "rest"]
    assert told[-1]["data"] == {"base64": "/w=="}
    assert told[-1]["paused"] == {"at": told[-1]["paused"]["at"], "who": "the test", "reason": "too loud"}
    assert told[-2]["last_run"]["outcome"] == "failed"

    assert ids(here("list", "--state", "paused")) == ["rest"]
    assert ids(here("list", "--group", "pages")) == ["again"]
    assert ids(here("list", "--prefix", "feed:")) == feeds
    assert ids(here("list", "--prefix", "feed:", "--limit", "2")) == feeds[:2], "those that are due first"
    assert sorted(ids(here("list", "--prefix", "feed:", "--all"))) == feeds
    assert ids(here("list", "--due-after", f"{_moment(due + 1.5)}", "--due-before", _moment(due + 3.5))) == feeds[2:4]
    assert ids(here("list", "--due-before", "now")) == []

    cut = here("list", "--limit", "2")
    assert (ids(cut), cut.err) == (feeds[:2], "There are more tasks: --all lists them all.\n")
    assert here("list", "--limit", "2", "--quiet").err == ""
    assert not here("list", "--limit", "2", "--quiet").out.startswith("id\t")
    chosen = here("list", "--columns", "id, group,rules", "--group", "pages")
    assert chosen.out == "id\tgroup\trules\nagain\tpages\thistory 2\n"
    assert json.loads(here("list", "--columns", "id,group", "--group", "pages", "--json").out) == {
        "id": "again",
        "group": "pages",
    }
    nothing = here("list", "--prefix", "nothing")
    assert (nothing.code, nothing.out, nothing.err) == (0, "id\tstate\tnext\tin\truns\n", "There are no such tasks.\n")
    assert ids(here("list", "--queue", "mail")) == ["letter"]


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["list", "--columns", "id,colour"], "there is no column 'colour'"),
        (["list", "--state", "dead"], "'dead' is not one of"),
        (["list", "--limit", "0"], "0 is not in the range"),
        (["list", "--due-before", "soon"], "'soon' is no moment"),
        (["dead", "list", "--since", "1x"], "'1x' is no moment"),
    ],
)
def test_what_cannot_be_asked(command: Command, words: list[str], says: str) -> None:
    ended = command(*words)
    assert ended.code == 2
    assert says in ended.err + ended.out
    assert "Traceback" not in ended.err


@pytest.mark.asyncio
async def test_dead_and_failing_tasks(
    command: Command, here: Command, redis_server: RedisServer, namespace: str
) -> None:
    await seed(redis_server.url, namespace=namespace)
    listed = command("dead", "list")
    assert sorted(ids(listed)) == [ODD_ID_SHOWN, "lost"]
    assert "\x1b" not in listed.out
    assert "ValueError: no such 🎉 \\x1b[31m file" in listed.out
    times = [task["died_at"] for task in values_of(command("dead", "list", "--json"), "dead_task")]
    assert times == sorted(times, reverse=True), "the newest first"
    assert ids(here("dead", "list", "--error-contains", "NO SUCH HOST")) == ["lost"]
    assert sorted(ids(here("dead", "list", "--since", "1h"))) == [ODD_ID_SHOWN, "lost"]
    assert ids(here("dead", "list", "--since", "+1h")) == []
    assert command("dead", "list", "--fail-if-any").code == 1
    assert here("dead", "list", "--fail-if-any", "--error-contains", "another").code == 0
    assert ids(here("dead", "list", "--limit", "1"))[0] in (ODD_ID_SHOWN, "lost")

    shown = command("dead", "show", ODD_ID)
    assert shown.code == 0
    assert ODD_ID_SHOWN in shown.out
    assert values_of(here("dead", "show", ODD_ID, "--json"), "dead_task")[0]["id"] == ODD_ID
    assert command("dead", "show", "again") == Result(1, "", "There is no dead task 'again'.\n")

    assert ids(command("failing", "list")) == ["again"]
    assert [task["id"] for task in values_of(here("failing", "list", "--json"), "task")] == ["again"]
    assert here("failing", "list", "--fail-if-any", "--since", "1h", "--error-contains", "page").code == 1
    assert here("failing", "list", "--error-contains", "host").err == "There are no such failing tasks.\n"
    assert "ValueError: no such page" in command("failing", "show", "again").out
    assert values_of(here("failing", "show", "again", "--json"), "task")[0]["failures"] == 1
    assert here("failing", "show", "feed:0").code == 1
    assert command("failing", "show", "b") == Result(1, "", "There is no task 'b'.\n")

    assert values_of(here("show", "again", "--json"), "task")[0]["last_error"] == "ValueError: no such page"
    runs = [each["run"] for each in values_of(here("next", "again", "--json", "--count", "3"), "run")]
    assert [runs[1] - runs[0], runs[2] - runs[1]] == [86_400, 86_400], "in epoch seconds"


@pytest.mark.asyncio
async def test_very_many_tasks_are_listed_while_they_are_read(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"{n:06}", "x" * 20, start=4e9 + n) for n in range(5_000))
        few = _most_memory(redis_server, namespace, 5_000)
        await scheduler.assign_tasks(IntervalTask(f"{n:06}", "x" * 20, start=4e9 + n) for n in range(100_000))
        assert _most_memory(redis_server, namespace, 100_000) < few + 16 * 1024, "KiB: all of them take 47 MiB"


def _most_memory(server: RedisServer, namespace: str, count: int) -> int:
    """List all tasks, of which there are so many; return the most memory of that process, in KiB."""
    with _listing(server, namespace) as process:
        assert process.stdout is not None
        lines = itertools.islice(process.stdout, count - 4_000)
        assert sum(1 for _ in lines) == count - 4_000
        # It waits for its reader, who has room for less than what is left.
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert sum(1 for _ in process.stdout) == 4_001, "and the head"
        assert process.wait(DEADLINE_SECONDS) == 0
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.asyncio
async def test_a_list_that_nobody_reads_on_ends_quietly(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"{n:06}", start=4e9 + n) for n in range(5_000))
    with _listing(redis_server, namespace) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(DEADLINE_SECONDS) == 0
    with _listing(redis_server, namespace) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)  # it waits for its reader
        process.stdout.read()
        assert process.stderr.read() == "interrupted\n"
        assert process.wait(DEADLINE_SECONDS) == 130


def _listing(server: RedisServer, namespace: str) -> subprocess.Popen[str]:
    """Start to list all tasks."""
    where = ("--redis", server.url, "-n", namespace)
    program = [sys.executable, "-m", "interval_scheduler.cli", "list", "--all", *where]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
