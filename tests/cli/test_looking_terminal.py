"""Commands that look, on a terminal and where the output cannot show all characters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.cli.conftest import Result
from tests.cli.looking import ODD_ID, ODD_ID_SHOWN, run_on_terminal, seed
from tests.servers import RedisServer

Command = Callable[..., Result]
#: What steers a terminal.
STEERING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COLORS = re.compile(r"\x1b\[3[0-7]m")


@pytest.mark.asyncio
async def test_a_terminal_has_tables_in_colours(redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    where = ("-n", namespace, "--redis", redis_server.url)

    listed = run_on_terminal("list", *where, "--utc")
    assert (listed.code, listed.err) == (0, "")
    assert COLORS.search(listed.out), "the paused one is yellow"
    lines = STEERING.sub("", listed.out).splitlines()
    assert lines[0].split() == ["id", "state", "next", "in", "runs"]
    assert re.match(r"feed:0 +waiting +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ ", lines[1])
    assert lines[1].index("waiting") == lines[0].index("state"), "columns stand under each other"
    assert max(map(len, lines)) <= 100

    for bare in (
        run_on_terminal("list", *where, "--no-color"),
        run_on_terminal("list", *where, NO_COLOR="1"),
        run_on_terminal("show", "rest", *where, "--no-color"),
    ):
        assert bare.code == 0
        assert "\x1b" not in bare.out
    assert "\x1b" in run_on_terminal("show", "rest", *where).out

    narrow = run_on_terminal("dead", "list", *where, columns=60)
    lines = STEERING.sub("", narrow.out).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) > 3, "what is long goes on in the next line"
    assert len(re.findall(r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "\n".join(lines))) == 2, "and moments do not"
    assert "2J" not in "".join(STEERING.findall(narrow.out)), "an id steers no terminal"
    assert json.loads(run_on_terminal("show", "again", *where, "--json").out)["id"] == "again"


@pytest.mark.asyncio
async def test_an_output_without_emoji(command: Command, redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    shown = command("dead", "show", ODD_ID, PYTHONIOENCODING="ascii")
    assert (shown.code, shown.err) == (0, "")
    assert ODD_ID_SHOWN.replace("🎉", "\\U0001f389") in shown.out
    assert json.loads(command("dead", "show", ODD_ID, "--json", PYTHONIOENCODING="latin-1").out)["id"] == ODD_ID
    stats = command("stats", PYTHONIOENCODING="ascii")
    assert stats.code == 0
    assert re.search(r"^failures\t3\t[\d.]+\t_+#", stats.out, re.MULTILINE)
