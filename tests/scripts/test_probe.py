"""probe.lua: says what is refused, and leaves nothing behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interval_scheduler.storage.commands import auditing
from interval_scheduler.storage.connection.failures import is_right
from interval_scheduler.storage.scripts import loader as scripts

from .store import Store
from .test_idempotence import rich

pytestmark = pytest.mark.asyncio
LUA = Path(scripts.__file__).with_name("lua")
#: What a script may use without trying it out: it cannot be refused without the others.
UNTRIED = {"TIME"}


async def test_it_leaves_nothing_behind(store: Store) -> None:
    await store.seed(rich())
    before, earliest = await store.raw(), await store.now_ms()
    async with store.announcements() as heard:
        now_us, refused = await auditing.probe(store.partition)
        assert await heard() == []
    assert refused == {}
    assert earliest <= now_us // 1000 <= await store.now_ms()
    assert await store.raw() == before


@pytest.mark.parametrize("command", ["zadd", "hscan", "publish", "unlink"])
async def test_it_names_what_is_refused(small_store: Store, command: str) -> None:
    store = small_store
    await store.client.acl_setuser("default", commands=[f"-{command}"], enabled=True, reset=False)
    _, refused = await auditing.probe(store.partition)
    await store.client.acl_setuser("default", commands=[f"+{command}"], enabled=True, reset=False)
    assert set(refused) == {command.upper()}
    assert all(is_right(error) for error in refused.values())


async def test_memory_that_is_used_up(small_store: Store) -> None:
    store = small_store
    await store.client.config_set("maxmemory", 1)
    _, refused = await auditing.probe(store.partition)
    assert "SET" in refused, "the first write; later ones of the same script pass"
    assert all("used memory" in error for error in refused.values())


async def test_it_tries_all_commands_of_all_scripts() -> None:
    def commands_of(text: str, form: str) -> set[str]:
        return set(re.findall(form, text))

    tried = commands_of((LUA / "probe.lua").read_text(), r"try\('([A-Z]+)'")
    used: set[str] = set()
    for path in LUA.glob("*.lua"):
        used |= commands_of(path.read_text(), r"call\((?:[^()']*')?'?([A-Z]{3,})'")
    assert "ZADD" in used
    assert "ZREM" in used, "with 'and' and 'or' before it"
    assert used - tried - UNTRIED == set()
