"""What all commands have in common: options, exit codes, words, pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.frame.exits import guarded
from tests.cli.conftest import Result, run_command
from tests.servers import RedisServer, free_port

Command = Callable[..., Result]


@pytest.mark.asyncio
async def test_one_task_is_shown(command: Command, redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", '{"n": 1}\x1b[2J', every=900, retries=3, start=4_000_000_000))
        await scheduler.pause_task("a", "too loud")
    shown = command("show", "a")
    assert (shown.code, shown.err) == (0, "")
    assert "every 15m" in shown.out
    assert "retries 3" in shown.out
    assert "(too loud)" in shown.out
    told = json.loads(command("show", "a", "--json").out)
    assert (told["id"], told["state"], told["rules"]["retries"]) == ("a", "paused", 3)
    assert '{"n": 1}\\x1b[2J' in shown.out, "what steers a terminal is shown, not done"
    assert command("show", "a", "--raw").out == '{"n": 1}\x1b[2J'
    assert command("show", "a", "--payload").out == '{"n": 1}\\x1b[2J\n'


@pytest.mark.asyncio
async def test_no_such_task(command: Command, redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace):
        pass
    assert command("show", "b") == Result(1, "", "There is no task 'b'.\n")


def test_a_reader_makes_no_namespace(command: Command, redis_server: RedisServer, namespace: str) -> None:
    ended = command("show", "a")
    assert (ended.code, ended.out) == (78, "")
    assert f"There is no namespace {namespace!r}" in ended.err
    assert not redis_server.client().keys(f"*{namespace}*")


def test_a_server_that_is_away() -> None:
    ended = run_command("show", "a", "--redis", f"redis://:hidden-word@127.0.0.1:{free_port()}/0")
    assert ended.code == 69
    assert "is offline" in ended.err
    assert "hidden-word" not in ended.err
    assert "Traceback" not in ended.err
    debugged = run_command("show", "a", "--debug", "--redis", f"redis://:hidden-word@127.0.0.1:{free_port()}/0")
    assert "Traceback" in debugged.err
    assert "hidden-word" not in debugged.err


def test_nothing_says_where() -> None:
    ended = run_command("show", "a")
    assert (ended.code, ended.out) == (78, "")
    assert "--redis URL" in ended.err


@pytest.mark.asyncio
async def test_urls_come_from_a_file(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", start=4_000_000_000))
    file = tmp_path / "urls"
    file.write_text(f"# the only one\n{redis_server.url}\n")
    assert run_command("show", "a", "-n", namespace, "--redis-file", str(file)).code == 0
    assert run_command("show", "a", "-n", namespace, "--redis-file", "-", given=file.read_text()).code == 0
    file.write_text("# none\n")
    assert run_command("show", "a", "--redis-file", str(file)).code == 78
    assert run_command("show", "a", "--redis-file", str(tmp_path / "nowhere")).code == 78


def test_a_package_is_missing_that_another_one_did_not_bring(capsys: pytest.CaptureFixture[str]) -> None:
    def lacks(name: str) -> int:
        with pytest.raises(SystemExit) as ended, guarded():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        assert isinstance(ended.value.code, int)
        return ended.value.code

    assert lacks("rich") == 78
    assert "pip install 'interval-scheduler[cli]'" in capsys.readouterr().err
    assert lacks("json") == 70, "that is a bug"


def test_an_option_before_the_command() -> None:
    ended = run_command("-n", "shop", "list")
    assert (ended.code, ended.out) == (2, "")
    assert "Options follow the command, as in interval-scheduler run -n" in ended.err


@pytest.mark.asyncio
async def test_a_pause_of_all_is_told(command: Command, redis_server: RedisServer, namespace: str) -> None:
    assert command("assign", "a", "--every", "1d").err == f"The namespace {namespace!r} is new.\n"
    assert command("assign", "b", "--every", "1d").err == ""
    assert command("list").err == ""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.pause("too loud")
    for words in (["run-now", "a"], ["list"]):
        ended = command(*words)
        assert ended.code == 0
        assert f"The namespace {namespace!r} is paused since" in ended.err
        assert "(too loud): no run starts there." in ended.err
    assert command("list", "--quiet").err == ""


def test_rights_are_missing(own_server: Callable[..., RedisServer]) -> None:
    server = own_server(rights=["on", ">password", "+ping", "~nothing"])
    ended = run_command("show", "a", "--redis", server.url)
    assert ended.code == 77, ended.err
    assert "password" not in ended.err


@pytest.mark.parametrize("words", [["shows"], ["next"], ["next", "a", "--every", "5m"], ["next", "--every", "5x"]])
def test_bad_usage(words: list[str]) -> None:
    ended = run_command(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_next_runs_of_a_rule_need_no_server() -> None:
    ended = run_command("next", "--cron", "0 9 * * mon-fri", "--timezone", "Europe/Riga", "--count", "3", "--json")
    assert ended.code == 0
    assert json.loads(ended.out.splitlines()[0])["run"] % 86_400 in (6 * 3_600, 7 * 3_600)


def test_a_closed_pipe_is_quiet() -> None:
    program = [sys.executable, "-m", "interval_scheduler.cli", "next", "--every", "15m", "--count", "10000"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"run\tin\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_help_loads_no_client() -> None:
    program = (
        "import sys\nfrom interval_scheduler.cli import main\n"
        "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0\n"
        "assert not {'redis', 'rich', 'anyio', 'textual'} & set(sys.modules)\n"
    )
    for words in (["--help"], ["--version"], ["show", "--help"]):
        subprocess.run([sys.executable, "-c", program, *words], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_words_are_completed() -> None:
    asked = {"_INTERVAL_SCHEDULER_COMPLETE": "bash_complete", "COMP_WORDS": "interval-scheduler sho", "COMP_CWORD": "1"}
    completed = subprocess.run(
        [sys.executable, "-m", "interval_scheduler.cli"],
        env={**os.environ, **asked},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert completed.stdout == b"plain,show\n"
