"""What `run` decides without doing it: what follows a death, the exit code, lines of the log, the text of metrics."""

from __future__ import annotations

import errno
import json
import logging
import subprocess
import sys

import pytest

from interval_scheduler.cli.process import restarts
from interval_scheduler.cli.process.logs import JsonLines
from interval_scheduler.cli.process.metrics import ProcessFigures, metrics_text
from interval_scheduler.cli.process.restarts import Again, Death, Deaths, End
from interval_scheduler.cli.process.slot import Slot
from interval_scheduler.cli.process.spawned import Spawned
from interval_scheduler.cli.process.spec import Spec, line_of
from interval_scheduler.cli.process.supervisor import exit_code

EARLY = Death(code=-9, was_up=True, seconds=4.9)
LATE = Death(code=-9, was_up=True, seconds=5.0)


def test_five_early_deaths_in_a_row_end_all() -> None:
    deaths = Deaths()
    told = [deaths.after(EARLY, proven=True) for _ in range(5)]
    assert told == [Again(1), Again(2), Again(4), Again(8), End(70)]


def test_a_longer_life_begins_the_row_anew() -> None:
    deaths = Deaths()
    for _ in range(4):
        deaths.after(EARLY, proven=True)
    assert deaths.after(LATE, proven=True) == Again(1)
    assert [deaths.after(EARLY, proven=True) for _ in range(2)] == [Again(1), Again(2)]


def test_one_that_never_came_up_died_early_however_long_it_took() -> None:
    deaths = Deaths()
    slow = Death(code=1, was_up=False, seconds=100)
    assert [deaths.after(slow, proven=True) for _ in range(5)][-1] == End(70)


@pytest.mark.parametrize("code", [2, 69, 77, 78])
def test_an_explained_end_before_anything_worked_ends_all(code: int) -> None:
    death = Death(code, was_up=False, seconds=1)
    assert Deaths().after(death, proven=False) == End(code, by_its_word=True)
    assert Deaths().after(death, proven=True) == Again(1)


def test_a_server_that_is_away_is_waited_for() -> None:
    deaths = Deaths()
    away = Death(code=69, was_up=False, seconds=1)
    assert [deaths.after(away, proven=True) for _ in range(8)] == [Again(n) for n in (1, 2, 4, 8, 16, 30, 30, 30)]


@pytest.mark.parametrize(
    ("given_up", "signals", "was_cut_short", "code"),
    [
        (None, [15], False, 0),
        (None, [2], False, 0),
        (None, [15], True, 143),
        (None, [2], True, 130),
        (None, [15, 2], False, 130),
        (None, [2, 15, 15], True, 143),
        (70, [], False, 70),
        (70, [], True, 70),
        (78, [15], False, 78),
    ],
)
def test_exit_codes(given_up: int | None, signals: list[int], was_cut_short: bool, code: int) -> None:  # noqa: FBT001
    assert exit_code(given_up, signals, was_cut_short=was_cut_short) == code


def test_what_a_process_is_told_arrives_whole_and_is_not_shown() -> None:
    spec = Spec("app:worker", ("redis://:hidden-word@h/0",), {"concurrency": 3}, ("", "mail"), utc=True)
    assert Spec.from_json(json.loads(line_of(spec.to_json()))) == spec
    assert "hidden-word" not in repr(spec)


def test_a_line_of_the_log_is_one_object() -> None:
    def record(message: object, *args: object, error: bool = False) -> dict[str, str]:
        told = sys.exc_info() if error else None
        made = logging.LogRecord("app", logging.WARNING, "file", 1, message, args, told)
        line = JsonLines().format(made)
        assert "\n" not in line
        loaded: dict[str, str] = json.loads(line)
        return loaded

    line = record("two\nlines of %s \ud800", "text")
    assert (line["level"], line["logger"], line["message"]) == ("warning", "app", "two\nlines of text \ud800")
    assert line["time"].endswith("+00:00")
    assert "its arguments do not fit" in record("%d", "text")["message"]
    try:
        int("of the application")
    except ValueError:
        assert record("failed", error=True)["exception"].endswith("'of the application'")


@pytest.mark.asyncio
async def test_a_system_that_can_start_no_process_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "_LONGEST_PAUSE_SECONDS", 0)
    tries = []

    def start(number: int) -> Spawned:
        tries.append(number)
        raise OSError(errno.EAGAIN, "no more processes")

    assert await Slot(1, start, lambda: False).keep() == 70
    assert tries == [1] * 5


def test_the_supervisor_loads_nothing_of_what_it_does_not_use() -> None:
    program = "import sys, interval_scheduler.cli.commands.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert {"redis", "anyio", "rich", "msgspec", "watchfiles"} & set(done.stdout.split()) == set()


def test_metrics_escape_what_names_have() -> None:
    partition: dict[str, object] = dict.fromkeys(("waiting", "leased", "paused", "dead", "failing", "due"), 1)
    partition |= {"name": 'a"b\\c\nd', "online": True, "oldest_due": 10.0, "server_time": 12.5}
    figures = {"queues": {"mail": [partition]}, "runs": None}
    text = metrics_text([ProcessFigures(1, "up", figures), ProcessFigures(2, "up", None)], {1: 3, 2: 1}, {1: 2, 2: 0})
    assert 'interval_scheduler_tasks_due{queue="mail",partition="a\\"b\\\\c\\nd"} 1\n' in text
    assert 'interval_scheduler_oldest_due_seconds{queue="mail",partition="a\\"b\\\\c\\nd"} 2.5\n' in text
    assert 'interval_scheduler_process_deaths_total{process="1"} 2\n' in text
    assert "runs_total" not in text
