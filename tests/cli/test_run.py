"""`run` keeps processes up and ends them in order: real processes, real kills, and a ledger of what was run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from interval_scheduler.cli.process.supervisor import _ONE_REQUEST_SECONDS
from tests.cli.running import APP, COMMAND, DEADLINE_SECONDS, Run, running
from tests.servers import RedisServer
from tests.stories.programs import ROOT, environment
from tests.waiting import until_outside

Start = Callable[..., Run]


@pytest.fixture
def start(redis_server: RedisServer, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Starts the command on the namespace of the test."""
    with ExitStack() as stack:

        def start(*words: str, folder: str = ".", **options: Any) -> Run:
            settings = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
            (tmp_path / folder).mkdir(exist_ok=True)
            return stack.enter_context(running(tmp_path / folder, "app:worker", *words, **{**settings, **options}))

        yield start


@pytest.fixture
def scheduler(redis_server: RedisServer, namespace: str) -> Iterator[BlockingScheduler]:
    """Assigns tasks from outside."""
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        yield scheduler


def test_processes_that_are_killed_are_replaced_and_nothing_is_lost(start: Start, scheduler: BlockingScheduler) -> None:
    run = start("--processes", "2", "--concurrency", "5", INTERVAL_SCHEDULER_LEASE_SECONDS="2")
    run.up(2)
    scheduler.assign_tasks(IntervalTask(f"t{number}", "sleep 0.1") for number in range(200))
    for replaced in (3, 4):
        run.until(lambda: run.times("begin").total() > 20)
        os.kill(run.pids[replaced - 3], signal.SIGKILL)
        run.up(replaced)
    run.until(lambda: len(run.times("end")) == 200)
    run.until(lambda: scheduler.task_size() == 0)
    assert sorted(run.living) == sorted(run.pids[2:])
    run.send(signal.SIGTERM)
    assert run.code() == 0, run.said
    assert run.said.count("was killed by signal 9") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_lets_runs_end(
    start: Start, scheduler: BlockingScheduler, number: signal.Signals
) -> None:
    run = start("--processes", "2")
    run.up(2)
    scheduler.assign_tasks(IntervalTask(f"t{number}", "sleep 1.5") for number in range(10))
    run.until(lambda: len(run.times("begin")) == 10)
    run.send(signal.SIGSTOP)  # so that both signals wait for it, and neither takes the place of the other
    run.until(lambda: run.state == "T")
    os.killpg(run.process.pid, number)  # as a terminal does, and as systemd does
    run.send(signal.SIGINT if number == signal.SIGTERM else signal.SIGTERM)  # as some programs do beside it
    run.send(signal.SIGCONT)
    assert run.code() == 0, run.said
    assert run.times("end") == run.times("begin")
    assert scheduler.task_size() == 0


def test_a_second_signal_hands_runs_back(start: Start, scheduler: BlockingScheduler) -> None:
    run = start()
    run.up(1)
    scheduler.assign_task(IntervalTask("long", "sleep 600"))
    run.until(lambda: run.times("begin")["long"] == 1)
    run.send(signal.SIGTERM)
    run.told("1 run may end")
    time.sleep(_ONE_REQUEST_SECONDS)  # before that it would be one with the first, and a third one would kill
    run.send(signal.SIGINT)
    assert run.code() == 130, run.said
    task = scheduler.get_task("long")
    assert task is not None
    assert (task.state, run.times("end").total()) == ("waiting", 0)


def test_a_third_signal_kills_what_hangs(start: Start, scheduler: BlockingScheduler) -> None:
    run = start()
    run.up(1)
    scheduler.assign_task(IntervalTask("stuck", "block 600"))
    run.until(lambda: run.times("begin")["stuck"] == 1)
    run.until(lambda: run.signalled(signal.SIGTERM, "processes are killed"))
    assert run.code() == 143, run.said


def test_what_a_process_that_died_in_the_drain_had_is_run_elsewhere(start: Start, scheduler: BlockingScheduler) -> None:
    run = start("--processes", "2", "--concurrency", "3", INTERVAL_SCHEDULER_LEASE_SECONDS="10")
    run.up(2)
    scheduler.assign_tasks(IntervalTask(f"t{number}", "gate") for number in range(6))
    run.until(lambda: len(run.times("begin")) == 6)
    run.send(signal.SIGTERM)
    run.told(f"[{run.pids[0]}] no more tasks are executed: 3 runs may end")
    os.kill(run.pids[0], signal.SIGKILL)
    (run.folder / "open").touch()
    assert run.code() == 143, "that was no orderly end"
    assert len(run.times("end")) == 3
    run = start()
    run.until(lambda: len(run.times("end")) == 6)
    run.until(lambda: scheduler.task_size() == 0)


def test_what_does_not_end_in_time_is_killed(start: Start, scheduler: BlockingScheduler) -> None:
    asked, orphaned = (
        start("--drain", "200ms", "--only", ""),
        start("--drain", "200ms", "--only", "other", folder="orphaned"),
    )
    asked.up(1)
    orphaned.up(1)
    scheduler.assign_task(IntervalTask("stuck", "block 600"))
    scheduler.queue("other").assign_task(IntervalTask("stuck", "block 600"))
    for run in (asked, orphaned):
        run.until(lambda run=run: run.times("begin")["stuck"] == 1)
    asked.send(signal.SIGTERM)
    orphaned.send(signal.SIGKILL)
    assert asked.code() == 143, asked.said
    assert "did not end in time, and is killed" in asked.said
    assert orphaned.code() == -signal.SIGKILL


@pytest.mark.parametrize("way", ["at work", "in the drain"])
def test_no_process_outlives_the_supervisor(start: Start, scheduler: BlockingScheduler, way: str) -> None:
    run = start("--processes", "2", "--drain", "60s", "--concurrency", "1")
    run.up(2)
    scheduler.assign_tasks(IntervalTask(f"t{number}", "gate") for number in range(2))
    run.until(lambda: len(run.times("begin")) == 2)
    if way == "in the drain":
        run.send(signal.SIGTERM)
        run.until(lambda: run.said.count("executed: 1 run may end") == 2)
    run.send(signal.SIGKILL)
    run.until(lambda: run.said.count("the supervisor is gone") == 2)
    (run.folder / "open").touch()
    assert run.code() == -signal.SIGKILL
    assert run.times("end") == run.times("begin"), "what can end ends"


def test_a_start_up_that_hangs_ends_with_the_supervisor_and_by_a_signal(start: Start, tmp_path: Path) -> None:
    # An import that never ends.
    hangs = "import time\nopen('importing', 'w').close()\ntime.sleep(600)\n"
    orphaned, asked = start(app=hangs, folder="orphaned"), start(app=hangs, folder="asked")
    for run in (orphaned, asked):
        run.until((run.folder / "importing").exists)
        assert len(run.living) == 1
    orphaned.send(signal.SIGKILL)
    asked.send(signal.SIGTERM)
    assert orphaned.code() == -signal.SIGKILL
    assert asked.code() == 143, asked.said


def test_processes_are_replaced_one_by_one(start: Start, scheduler: BlockingScheduler, tmp_path: Path) -> None:
    run = start("--processes", "2", "--concurrency", "2")  # so that both have some
    run.up(2)
    scheduler.assign_tasks(IntervalTask(f"a{number}", "gate") for number in range(4))
    run.until(lambda: len(run.times("begin")) == 4)
    (tmp_path / "app.py").write_text(APP.replace("VERSION = 1", "VERSION = 2"))
    run.send(signal.SIGHUP)
    run.up(3)
    run.told("runs may end")
    assert {run.pids[0], run.pids[1]} <= set(run.living), (
        "the first one drains, and the second one has not got its turn"
    )
    (tmp_path / "open").touch()
    run.up(4)
    run.until(lambda: sorted(run.living) == sorted(run.pids[2:]))
    assert len(run.times("end")) == 4
    assert run.times("begin").total() == 4, "no run was cut short"

    (tmp_path / "app.py").write_text("import no_such_module\n")
    run.send(signal.SIGHUP)
    run.told("is not replaced")
    scheduler.assign_task(IntervalTask("b", "sleep 0"))
    run.until(lambda: run.times("end")["b"] == 1)
    assert [line[3] for line in run.ledger if line[1] == "b"] == ["2", "2"], "the old code goes on"
    assert sorted(run.living) == sorted(run.pids[2:])
    run.send(signal.SIGTERM)
    assert run.code() == 0, run.said


def test_a_process_that_is_asked_to_end_drains_and_is_replaced(start: Start, scheduler: BlockingScheduler) -> None:
    run = start()
    run.up(1)
    scheduler.assign_task(IntervalTask("t", "sleep 0.5"))
    run.until(lambda: run.times("begin")["t"] == 1)
    os.kill(run.pids[0], signal.SIGTERM)
    os.kill(run.pids[0], signal.SIGTERM)
    run.up(2)
    assert (run.times("begin")["t"], run.times("end")["t"]) == (1, 1)
    run.send(signal.SIGTERM)
    assert run.code() == 0, run.said


def test_files_that_change_replace_the_processes(start: Start, scheduler: BlockingScheduler, tmp_path: Path) -> None:
    run = start("--reload", "--uvloop", "--log-format", "json")
    run.up(1)
    # Nothing tells that the folder is watched, so the file is written until that is noticed.
    run.until(
        lambda: (tmp_path / "app.py").write_text(APP.replace("VERSION = 1", "VERSION = 2")) and len(run.pids) >= 2
    )
    run.until(lambda: run.pids[0] not in run.living)  # until it drains, it may take what is due
    scheduler.assign_task(IntervalTask("t", "sleep 0"))
    run.until(lambda: ["end", "t", "2"] in [[line[0], line[1], line[3]] for line in run.ledger])
    run.send(signal.SIGTERM)
    assert run.code() == 0, run.said
    assert any(line["message"] == "changed: app.py" for line in run.logged())


@pytest.fixture
def never_read() -> Iterator[int]:
    """A pipe that takes no more, since nobody reads it: the end to write to."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with suppress(BlockingIOError):  # it is full then
            while True:
                os.write(writer, b"x" * 1024)
        os.set_blocking(writer, True)
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


def test_a_log_that_nobody_reads_stops_nothing(
    redis_server: RedisServer, namespace: str, tmp_path: Path, never_read: int
) -> None:
    (tmp_path / "app.py").write_text(APP)
    words = ("app:worker", "--redis", redis_server.url, "-n", namespace, "--health", "unix:health", "--drain", "1s")
    process = subprocess.Popen([sys.executable, *COMMAND, "run", *words], cwd=tmp_path, stderr=never_read)
    try:
        until_outside((tmp_path / "health").exists, DEADLINE_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) in (0, 143), "it would wait for ever"
    finally:
        process.kill()
        process.wait()


def test_last_words_that_nobody_reads_stop_nothing(tmp_path: Path, never_read: int) -> None:
    """A signal comes while the address is open already, and the supervisor has not begun."""
    command = [sys.executable, "-m", "tests.cli.run_signalled", "run", "app:worker", "--health", "unix:health"]
    ended = subprocess.run(
        command, cwd=tmp_path, stderr=never_read, env=environment(WHEN="early"), timeout=DEADLINE_SECONDS, check=False
    )
    assert ended.returncode == 143


def test_a_signal_after_the_end_changes_no_exit_code(start: Start) -> None:
    run = start(command=("-m", "tests.cli.run_signalled"), WHEN="late", PYTHONPATH=str(ROOT))
    run.up(1)
    run.send(signal.SIGTERM)
    assert run.code() == 0, run.said


def test_processes_that_keep_dying_end_all(start: Start) -> None:
    run = start(app="import os\nos._exit(3)\n", command=("-m", "tests.cli.run_quickly"))
    assert run.code() == 70
    assert run.said.count("ended with code 3") == 5
