"""`clear` and `rate`: nothing happens unless somebody said so."""

from __future__ import annotations

import json
from collections.abc import Callable

from interval_scheduler import BlockingScheduler, IntervalTask, Rate
from tests.cli.conftest import Result
from tests.cli.terminal import Terminal
from tests.servers import RedisServer

Command = Callable[..., Result]


def on_terminal(typed: str, *words: str) -> tuple[int, str]:
    """Run a command on a terminal, where somebody types; return its code and what is seen there."""
    with Terminal(*words, columns=200) as terminal:
        terminal.until("Type the name")
        terminal.press(f"{typed}\n")
        return terminal.wait(), terminal.text


def test_clear(inside: Command, redis_server: RedisServer, namespace: str) -> None:
    words = ("clear", "--redis", redis_server.url, "-n", namespace)
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        mail = scheduler.queue("mail")
        scheduler.assign_tasks([IntervalTask(f"t{n}", start=4_000_000_000) for n in range(1200)])
        mail.assign_task(IntervalTask("m", start=4_000_000_000))
        ended = inside("clear")
        assert (ended.code, ended.out) == (64, "")
        assert f"Remove 1,200 tasks of the namespace {namespace!r} for good?" in ended.err
        assert "give --yes" in ended.err
        code, seen = on_terminal("another", *words)
        assert code == 64
        assert "Nothing was changed" in seen
        assert scheduler.task_size() == 1200
        code, seen = on_terminal("mail", *words, "--queue", "mail")
        assert code == 0, seen
        assert (scheduler.task_size(), mail.task_size()) == (1200, 0)
        assert json.loads(inside("clear", "--yes", "--json").out) == {"count": 1200, "result": "removed"}
        assert scheduler.task_size() == 0
        assert inside("clear") == Result(0, "0 removed\n", ""), "there is nothing to ask about"


def test_rate(inside: Command, redis_server: RedisServer, namespace: str) -> None:
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        assert inside("rate").out == "none for the namespace as a whole\n"
        assert inside("rate", "--group", "g").out == "none\n"
        assert inside("rate", "--json").out == "null\n"
        ended = inside("rate", "100/1m")
        assert (ended.code, scheduler.get_rate()) == (64, None)
        assert "100 starts in 1m" in ended.err
        assert inside("rate", "100/m", "--burst", "5", "--yes").code == 0
        assert scheduler.get_rate() == Rate(100, 60, burst=5)
        assert inside("rate").out == "100 starts in 1m, in bursts of 5\n"
        assert json.loads(inside("rate", "--json").out) == {"count": 100, "per": 60.0, "burst": 5}
        assert inside("rate", "7", "--group", "g", "--yes").code == 0
        assert scheduler.get_rate(group="g") == Rate(7)
        assert inside("rate", "none", "--yes").code == 0
        assert scheduler.get_rate() is None
        for bad in (["x"], ["5/x"], ["0", "--yes"], ["none", "--burst", "2", "--yes"], ["--yes"]):
            assert inside("rate", *bad).code == 2
