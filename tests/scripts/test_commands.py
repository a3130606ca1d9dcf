"""How many commands the scripts of a run call: a run that comes alone costs little else, on every server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from interval_scheduler.model.assignment import Assignment
from interval_scheduler.storage.commands import assigning, running

from .store import MINUTE, Numbered, Store, change, held_of

pytestmark = pytest.mark.asyncio

T = TypeVar("T")

FAR = 4_000_000_000_000
#: What is counted beside the commands of a script.
AROUND = {"evalsha", "eval", "info", "config", "config|resetstat"}


async def _counted(store: Store, request: Awaitable[T]) -> tuple[list[str], T]:
    """Carry out a request; return the commands that its script calls, in the order of their names, and its reply."""
    await store.client.config_resetstat()
    reply = await request
    stats = await store.client.info("commandstats")
    calls = Counter({name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()})
    return sorted(name for name in calls.elements() if name not in AROUND), reply


async def _session(store: Store, *changes: Assignment) -> Numbered:
    """A session that tells what it knows, as all do, and had a reply: some tasks are assigned."""
    session = store.session()
    session.epoch = store.epoch
    await assigning.assign(session.it, store.keys, 0, changes)
    return session


async def test_a_run_that_comes_alone(small_store: Store) -> None:
    store = small_store
    session = await _session(store, change(b"due", every=MINUTE, start=5), change(b"waiting", start=FAR))
    commands, claimed = await _counted(store, running.claim(session.it, store.keys, 10, MINUTE))
    assert list(claimed.ids) == [b"due"]
    assert " ".join(commands) == "exists hmget hset mget pexpire set set time zadd zrange zrange zremrangebyrank"
    commands, done = await _counted(store, running.complete(session.it, store.keys, held_of(claimed)))
    assert done.held == [True]
    assert " ".join(commands) == "exists hdel hmget mget pexpire publish set time zadd zrange zrem"


async def test_a_claim_that_finds_nothing(small_store: Store) -> None:
    session = await _session(small_store, change(b"waiting", start=FAR))
    commands, _ = await _counted(small_store, running.claim(session.it, small_store.keys, 10, MINUTE))
    assert " ".join(commands) == "exists get mget pexpire set time zrange zrange"
