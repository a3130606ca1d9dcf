"""The question before many tasks are changed, and the progress, on a terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cli.conftest import Result
from tests.cli.terminal import Terminal
from tests.servers import RedisServer

Command = Callable[..., Result]


@pytest.fixture
def on_terminal(redis_server: RedisServer, namespace: str) -> Iterator[Callable[..., Terminal]]:
    """Starts commands on terminals of their own; their results go into pipes."""
    settings: dict[str, Any] = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
    with ExitStack() as stack:

        def start(*words: str, shows_at_once: bool = False) -> Terminal:
            terminal = Terminal(*words, columns=100, pipes_results=True, shows_at_once=shows_at_once, **settings)
            return stack.enter_context(terminal)

        yield start


def test_yes_and_no(command: Command, on_terminal: Callable[..., Terminal]) -> None:
    for each in ("feed:1", "feed:2"):
        assert command("assign", each, "--start", "+1h").code == 0
    for answer, code, out in (("n\n", 64, ""), ("\n", 64, ""), ("y\n", 0, "2 removed\n")):
        terminal = on_terminal("remove", "--prefix", "feed:")
        terminal.until("Remove 2 tasks whose ids start with 'feed:', and forget the dead ones? [y/N]:")
        terminal.press(answer)
        assert (terminal.wait(), terminal.results()) == (code, out)
    assert command("show", "feed:1").code == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_question_is_no_yes(
    command: Command,
    on_terminal: Callable[..., Terminal],
    redis_server: RedisServer,
    namespace: str,
    number: signal.Signals,
    code: int,
) -> None:
    assert command("assign", "a", "--start", "+1h").code == 0
    terminal = on_terminal("pause")
    terminal.until("[y/N]:")
    assert (terminal.interrupt(number), terminal.results()) == (code, "")
    with redis_server.client() as client:
        assert not client.keys(f"*{namespace}*halt*")


def test_the_progress_is_shown_and_taken_away(command: Command, on_terminal: Callable[..., Terminal]) -> None:
    for each in ("feed:1", "feed:2"):
        assert command("assign", each, "--start", "+1h").code == 0
    terminal = on_terminal("pause", "--prefix", "feed:", "--yes", shows_at_once=True)
    assert (terminal.wait(), terminal.results()) == (0, "2 paused\n")
    assert "\r\x1b[K2 paused, 2 looked at\r\x1b[K" in terminal.raw
    terminal = on_terminal("resume", "feed:1", "feed:2", shows_at_once=True)
    assert (terminal.wait(), terminal.results()) == (0, "id\tresult\nfeed:1\tresumed\nfeed:2\tresumed\n")
    assert "\r\x1b[K2 of 2\r\x1b[K" in terminal.raw
    quiet = on_terminal("resume", "feed:1", "--quiet", shows_at_once=True)
    assert (quiet.wait(), quiet.results(), quiet.raw) == (0, "feed:1\tresumed\n", "")
