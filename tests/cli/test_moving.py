"""Moving in: the schedules that other schedulers themselves wrote are carried over, or left out for a reason."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from interval_scheduler import BlockingScheduler, IntervalTask, PausedState, next_runs
from interval_scheduler.cli.commands.importing import import_
from interval_scheduler.cli.moving import apscheduler, redbeat, rq_scheduler
from interval_scheduler.cli.moving import npm as npm_keys
from interval_scheduler.cli.moving.found import Carried, LeftOut
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.cli.inside import run_inside
from tests.cli.moving import tasks_of, told
from tests.cli.peers import npm
from tests.servers import RedisServer, free_port

Command = Callable[..., Result]
#: 2096-05-01 08:30 UTC, when the peers have things to do.
LATER: Final = 3986699400.0
ROOT: Final = Path(__file__).parents[2]


class Peers:
    """A Redis on which each peer wrote its schedules, and the times that APScheduler told."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        programs = {
            "redbeat": [server.url],
            "apscheduler": [str(server.port)],
            "apscheduler old": [str(server.port), "0", "old."],
            "rq_scheduler": [server.url],
            "rq_scheduler json": [server.url_of(1), "json"],
        }
        running = {
            name: subprocess.Popen(
                [sys.executable, "-m", f"tests.cli.peers.write_{name.split()[0]}", *words],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,  # what they warn of is theirs
                text=True,
            )
            for name, words in programs.items()
        }
        try:
            # They load much, all at once.
            ended = {name: each.communicate(timeout=4 * DEADLINE_SECONDS) for name, each in running.items()}
        finally:
            for each in running.values():
                each.kill()
        for name, each in running.items():
            assert each.returncode == 0, f"{name}: {ended[name][1]}"
        self.calendar: dict[str, list[float]] = json.loads(ended["apscheduler"][0])


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with RedisServer() as server:
        yield Peers(server)


def exported(server: RedisServer, namespace: str) -> list[bytes]:
    with BlockingScheduler.from_url(server.url, namespace=namespace) as scheduler:
        return sorted(line for line in scheduler.export() if b'"at_ms"' not in line)


def test_redbeat(inside: Command, peers: Peers, redis_server: RedisServer, namespace: str) -> None:
    words = ("import", "--from", "redbeat", peers.server.url, "--timezone", "Europe/Riga", "--json")
    ended = inside(*words)
    assert ended.code == 1, ended.err
    rows, counts = told(ended)
    assert rows.keys() == {"by-rule", "over", "first-if-monday"}
    assert all(row["left_out"] for row in rows.values())
    assert (counts["found"], counts["carried"], counts["new"]) == (6, 3, 3)
    tasks = tasks_of(redis_server, namespace)
    hourly, workdays, rests = tasks["every-hour"], tasks["workdays"], tasks["rests"]
    assert json.loads(hourly.data) == {"task": "shop.refresh", "args": [7, "a"], "kwargs": {"deep": True}}
    with peers.server.client() as client:
        assert hourly.next_run == client.zscore("redbeat::schedule", "redbeat:every-hour")
    assert (hourly.every, hourly.state) == (3600, "waiting")
    assert (workdays.cron, workdays.timezone) == ("0 9-17/2 * * mon,fri", "Europe/Riga")
    assert json.loads(workdays.data)["options"] == {"queue": "slow"}
    expected = next_runs(IntervalTask("a", cron=workdays.cron, timezone="Europe/Riga"), 1, workdays.next_run - 1)
    assert workdays.next_run_at == expected[0], "Celery's next run is ours"
    assert (rests.state, rests.every) == ("paused", 60)
    assert isinstance(rests.paused, PausedState)
    assert rests.paused.reason == "paused in redbeat"
    before = exported(redis_server, namespace)
    again = told(inside(*words))[1]
    assert (again["carried"], again["new"], again["skipped"]) == (3, 0, 3)
    assert exported(redis_server, namespace) == before, "to import again changes nothing"


def test_a_time_zone_that_seems_to_be_another_is_told(inside: Command, peers: Peers) -> None:
    rows, _ = told(inside("import", "--from", "redbeat", peers.server.url, "--dry-run", "--json"))
    assert not rows["workdays"]["left_out"]
    assert "Europe/Riga" in rows["workdays"]["why"][0]
    rows, _ = told(
        inside("import", "--from", "rq-scheduler", peers.server.url, "--timezone", "Asia/Tokyo", "--dry-run", "--json")
    )
    assert "see --timezone" in rows["workdays"]["why"][0]


@pytest.mark.parametrize("prefix", ["apscheduler.", "old."])
def test_apscheduler(inside: Command, peers: Peers, redis_server: RedisServer, namespace: str, prefix: str) -> None:
    """The jobs under `old.` are pickled by the first protocol."""
    ended = inside("import", "--from", "apscheduler", peers.server.url, "--key-prefix", prefix, "--json")
    rows, counts = told(ended)
    assert ended.code == 1, ended.err
    left_out = {name: row["why"][0] for name, row in rows.items() if row["left_out"]}
    assert left_out.keys() == {"one-year", "both-days", "either", "a-date", "a-method"}
    assert left_out["a-date"] == "args[0] is an object of datetime.datetime, which JSON does not have"
    assert "Shop" in left_out["a-method"]
    assert "OrTrigger" in left_out["either"]
    assert "3 of its runs" in rows["month-end"]["why"][0]
    tasks = tasks_of(redis_server, namespace)
    assert counts["new"] == len(tasks) == 10
    quarter, plain, once = tasks["every-quarter"], tasks["plain"], tasks["once"]
    assert json.loads(quarter.data)["args"] == [7, ["a", None]]
    assert json.loads(quarter.data)["kwargs"] == {"deep": {"x": 1.5}}
    assert (quarter.every, quarter.rules.jitter, quarter.rules.missed) == (900, 30, "all")
    assert (quarter.rules.late, quarter.rules.start_deadline) == ("skip", 120)
    assert quarter.rules.until == LATER + 86_400
    assert LATER <= quarter.next_run <= LATER + 30
    with peers.server.client() as client:
        run_times = dict(client.zrange(f"{prefix}run_times", 0, -1, withscores=True))
    for task in tasks.values():
        if task.state != "paused":
            assert task.next_run == pytest.approx(run_times[task.id.encode()], abs=0.001), task.id
    assert (plain.next_run, plain.every, plain.rules.late) == (LATER, 3600, "run")
    assert json.loads(plain.data)["options"] == {"name": "by hand"}
    assert (once.next_run, once.every, once.cron) == (LATER, None, None)
    assert tasks["rests"].state == "paused"


def test_a_calendar_of_apscheduler_is_the_same_here(
    inside: Command, peers: Peers, redis_server: RedisServer, namespace: str
) -> None:
    inside("import", "--from", "apscheduler", peers.server.url)
    tasks = tasks_of(redis_server, namespace)
    same = {name: moments for name, moments in peers.calendar.items() if name in tasks}
    assert same.keys() == {"workdays", "month-end", "second-friday", "last-sunday", "from-monday", "lists"}
    for name, moments in same.items():
        ours = next_runs(tasks[name], 20, after=moments[0] - 1)
        assert [moment.timestamp() for moment in ours] == moments, name


@pytest.mark.parametrize("db", [0, 1])
def test_rq_scheduler(inside: Command, peers: Peers, redis_server: RedisServer, namespace: str, db: int) -> None:
    """In database 1 the serializer is JSON; there are no jobs that JSON cannot have."""
    ended = inside("import", "--from", "rq-scheduler", peers.server.url_of(db), "--json")
    rows, counts = told(ended)
    left_out = {name: row["why"][0] for name, row in rows.items() if row["left_out"]}
    assert left_out.keys() == ({"a-date", "a-method"} if db == 0 else set())
    assert ended.code == (1 if db == 0 else 0), ended.err
    assert "datetime" in left_out.get("a-date", "datetime")
    assert "Python object" in left_out.get("a-method", "Python object")
    assert rows["once"]["why"] == ["its callback for success is not called"]
    tasks = tasks_of(redis_server, namespace)
    assert counts["carried"] == len(tasks) == 4
    quarter, five, workdays, once = (tasks[name] for name in ("every-quarter", "five-times", "workdays", "once"))
    assert json.loads(quarter.data) == {
        "task": "shop.refresh",
        "args": [7, "a"],
        "kwargs": {"deep": True},
        "options": {"queue": "slow"},
    }
    assert (quarter.next_run, quarter.every, quarter.rules.timeout) == (LATER, 900, 45)
    assert (five.rules.max_runs, five.every) == (5, 60)
    assert json.loads(five.data)["options"]["meta"] == {"tenant": "t7"}
    assert (workdays.cron, json.loads(workdays.data)["options"]) == ("30 8 * * 1-5", {"queue": "cron"})
    assert (once.next_run, once.every) == (LATER, None)


def test_npm(
    inside: Command, own_server: Callable[..., RedisServer], redis_server: RedisServer, namespace: str
) -> None:
    first, second = own_server(), own_server()
    npm.write(first)
    with second.client() as client:
        client.rpush("3986699400000", "tsk:elsewhere")
        client.zadd("mainIndex", {"3986699400000": 3986699400000})
        client.hset("tsk:elsewhere", mapping={"data": b"\xff", "canceled": "false", "interval": "60000"})
    ended = inside("import", "--from", "npm", first.url, second.url, "--json")
    rows, counts = told(ended)
    assert ended.code == 1, ended.err
    assert rows["too-short"]["left_out"]
    assert "runs once" in rows["updated"]["why"][0]
    assert (counts["found"], counts["carried"]) == (6, 5), "one that was removed is no task"
    tasks = tasks_of(redis_server, namespace)
    assert {name: (task.next_run, task.every, task.data) for name, task in tasks.items()} == {
        "user:1": (LATER, 900, '{"user":"user:1"}'),
        "user:2": (LATER + 60, 3600, '{"user":"user:2"}'),
        "once": (LATER, None, '{"user":"once"}'),
        "updated": (LATER, None, "ä new text"),
        "elsewhere": (LATER, 60, b"\xff"),
    }


def test_what_the_package_wrote_is_what_is_recorded(own_server: Callable[..., RedisServer]) -> None:
    """Where it is installed, this compares both; else what is put there is read back as it was."""
    server = own_server()
    npm.write(server)
    with server.client() as client:
        written = {key: [kind, content] for key, (kind, content) in npm.read(client).items()}
    assert written == json.loads(npm.RECORDED.read_text("utf-8"))


@pytest.mark.parametrize("due", [0, -1, LATER, 1e300, math.inf, math.nan])
@pytest.mark.parametrize(
    "raw",
    [
        None, b"", b"x", b"{}", b"[]", b"null", b"[1,2,3,4]", b'["f",null,[],{}]', b'["f",null,{},[]]', b"\xff",
        b"[" * 9999,
        b'{"task":"f","schedule":{"__type__":"crontab","minute":{}}}', b'{"task":"f","schedule":true,"name":{}}',
        b'{"interval":-1}', b'{"interval":{},"repeat":[]}', b'{"cron_string":"* * * * *","repeat":-7}', b"9" * 400,
    ],
)  # fmt: skip
def test_records_of_any_kind_stop_nothing(raw: bytes | None, due: float) -> None:
    """Each becomes a task, or is left out with a reason; no error leaves."""
    for meta in (raw, b"{}"):
        found: list[object] = [redbeat.read(redbeat.Record("a", due, raw, meta), "UTC")]
        fields = dict.fromkeys(rq_scheduler.FIELDS, raw)
        found.append(rq_scheduler.job_of(rq_scheduler.Record("a", due, list(fields.values())), "UTC"))
        fields |= {"data": b'["f",null,[],{}]', "meta": meta}
        found.append(rq_scheduler.job_of(rq_scheduler.Record("a", due, list(fields.values())), "UTC"))
        found += [
            npm_keys.read(npm_keys.Record("a", "9" * 400, [b"x", None, raw])),
            apscheduler.job_of("a", raw or b""),
        ]
        found.append(npm_keys.read(npm_keys.Record("a", str(due), [raw, meta, raw])) or LeftOut("a", "a ghost"))
        assert all(isinstance(each, Carried | LeftOut) for each in found)


def test_a_dry_run_changes_nothing(inside: Command, peers: Peers, redis_server: RedisServer, namespace: str) -> None:
    ended = inside("import", "--from", "apscheduler", peers.server.url, "--dry-run")
    assert ended.code == 1
    assert "15 schedules found: 10 would be carried over (10 new" in ended.err
    assert "a-date\tleft out\targs[0] is an object of datetime.datetime" in ended.out
    with redis_server.client() as client:
        assert not list(client.scan_iter(f"*{namespace}*"))
    inside("import", "--from", "apscheduler", peers.server.url)
    assert "(0 new, 10 exist and stay" in inside("import", "--from", "apscheduler", peers.server.url, "--dry-run").err


def test_a_source_that_cannot_be_read(
    own_server: Callable[..., RedisServer], inside: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    away = f"redis://:hidden-word@127.0.0.1:{free_port()}/0"
    locked = own_server(requirepass="other-word")
    file = tmp_path / "url"
    file.write_text(f"redis://:hidden-word@127.0.0.1:{locked.port}/0\n")
    for source, code in ((away, 69), (f"@{file}", 77), ("memory://", 78), ("http://a", 78), (f"@{file}.not", 2)):
        # In a dry run the namespace need not exist; the source is told in the same way then.
        for more in ([], ["--dry-run", "--namespace", "new"]):
            ended = inside("import", "--from", "redbeat", source, *more)
            assert ended.code == code, ended.err
            assert "hidden-word" not in ended.err
            assert "Traceback" not in ended.err
    with redis_server.client() as client:
        assert not list(client.scan_iter(f"*{namespace}*")), "it makes no namespace"


@pytest.mark.parametrize(
    "words",
    [
        ["--from", "redbeat", "a", "b"],
        ["--from", "cron", "a"],
        ["--from", "redbeat", "a", "--resume"],
        ["a", "b"],
        ["a", "--timezone", "Europe/Riga"],
        ["-", "--resume"],
        [],
    ],
)
def test_bad_usage(words: list[str]) -> None:
    ended = CliRunner().invoke(import_, [*words, "--redis", "memory://"])
    assert (ended.exit_code, ended.stdout) == (2, ""), ended.output


def test_a_time_zone_that_is_none() -> None:
    ended = run_inside("import", "--from", "redbeat", "redis://localhost", "--timezone", "Nowhere")
    assert ended.code == 2
    assert "timezone must be the name of a time zone" in ended.err
