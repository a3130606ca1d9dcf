"""`top` on a real terminal: it begins, is steered, ends, and leaves the terminal as it was; and as text without one."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.frame.exits import Ended
from interval_scheduler.cli.frame.settings import Settings
from interval_scheduler.cli.top.showing import show_screen
from tests.cli.conftest import DEADLINE_SECONDS, Result, run_command
from tests.cli.terminal import Terminal
from tests.servers import RedisServer

Command = Callable[..., Result]

FAR = 4_000_000_000
#: How long it is until a task is due, in text.
WAITS = re.compile(r"in \d+d( \d+h)? *")
#: Where no server is: who connects gets another code.
NOWHERE = Settings(
    urls=("redis://127.0.0.1:1",),
    namespace=None,
    queue=None,
    as_json=False,
    quiet=False,
    color=True,
    timeout=1,
    utc=True,
    debug=False,
)


async def _fill(server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("feed\x1b[2J", every=900, start=FAR))
        await scheduler.assign_tasks([IntervalTask(f"later:{n:03}", every=900, start=FAR + n) for n in range(200)])


@pytest.fixture
def where(redis_server: RedisServer, namespace: str) -> tuple[str, ...]:
    """The options for a namespace with some tasks."""
    asyncio.run(_fill(redis_server, namespace))
    return ("--redis", redis_server.url, "-n", namespace)


def _assert_restored(terminal: Terminal) -> None:
    assert terminal.modes == terminal.before
    assert terminal.raw.rfind("\x1b[?1049l") > terminal.raw.rfind("\x1b[?1049h"), "the screen before is there again"
    assert terminal.raw.rfind("\x1b[?25h") > terminal.raw.rfind("\x1b[?25l"), "the cursor is seen again"
    assert terminal.raw.rfind("\x1b[?1000l") > terminal.raw.rfind("\x1b[?1000h"), "the mouse is let go"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda terminal: terminal.press("q"), 0),
        (lambda terminal: terminal.press("\x03"), 130),
        (lambda terminal: terminal.signal(signal.SIGTERM), 143),
    ],
    ids=["q", "ctrl+c", "SIGTERM"],
)
def test_it_begins_and_ends(where: tuple[str, ...], end: Callable[[Terminal], None], code: int) -> None:
    with Terminal("top", *where) as terminal:
        terminal.until("Next due 100 of 201")
        assert terminal.modes != terminal.before
        end(terminal)
        assert terminal.wait() == code
        assert "Traceback" not in terminal.text
        _assert_restored(terminal)


@pytest.mark.parametrize("words", [["--no-color"], []])
def test_colours(where: tuple[str, ...], words: list[str]) -> None:
    with Terminal("top", *words, *where, COLORTERM="truecolor") as terminal:
        terminal.until("Next due 100 of 201")
        terminal.press("q")
        assert terminal.wait() == 0
        colours = set(re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", terminal.raw))
    assert colours
    assert all(red == green == blue for red, green, blue in colours) == bool(words), (
        "only greys, if nothing else is wanted"
    )


def test_what_cannot_be_reached_is_told_before_a_screen(redis_server: RedisServer) -> None:
    with Terminal("top", "--redis", redis_server.url, "-n", "nowhere-at-all") as terminal:
        assert terminal.wait() == 78
        assert "There is no namespace 'nowhere-at-all'" in terminal.text
        assert "\x1b[?1049h" not in terminal.raw


def test_one_frame_as_text(command: Command, where: tuple[str, ...]) -> None:
    ended = command("top", "--once", "--plain")
    assert (ended.code, ended.err) == (0, "")
    assert "tasks 201  due 0  late no  running 0" in ended.out
    assert "Next due 100 of 201\n  task " in ended.out
    assert "feed\\x1b[2J" in ended.out, "what steers a terminal is shown, not done"
    assert len(ended.out.splitlines()) < 40
    # Also as far as it is some seconds later by then.
    again = command("top", "--once").out
    assert [WAITS.sub("", line) for line in again.splitlines()[2:]] == [
        WAITS.sub("", line) for line in ended.out.splitlines()[2:]
    ]
    told = json.loads(command("top", "--once", "--json").out)
    assert [each["id"] for each in told["due"]["tasks"][1:3]] == ["later:000", "later:001"]
    assert told["overview"]["partitions"][0]["waiting"] == 201


def test_text_needs_no_textual(where: tuple[str, ...]) -> None:
    program = (
        "import sys\nfrom interval_scheduler.cli import main\n"
        "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0\n"
        "assert not {'textual', 'rich'} & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, "top", "--once", *where],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=DEADLINE_SECONDS,
    )


def test_frames_in_a_pipe_until_nobody_reads(where: tuple[str, ...]) -> None:
    program = [sys.executable, "-m", "interval_scheduler.cli", "top", "--interval", "200ms", *where]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        frames = 0
        while frames < 3:
            frames += process.stdout.readline().startswith(b"interval-scheduler: namespace")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(DEADLINE_SECONDS) == 0


@pytest.mark.asyncio
async def test_a_screen_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)  # so it is not to be found
    with pytest.raises(Ended, match=r"pip install 'interval-scheduler\[top\]'; --plain") as ended:
        await show_screen(NOWHERE, 2)
    assert ended.value.code == 78


def test_too_often() -> None:
    ended = run_command("top", "--interval", "0.1s", "--redis", "redis://127.0.0.1:1")
    assert ended.code == 2
    assert "--interval" in ended.err
