"""lock.lua: locks that are acquired, extended and released."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import locks, running
from interval_scheduler.storage.commands.locks import LockStep
from tests.waiting import until

from .store import DAY, HOUR, MINUTE, Numbered, Space, Store

pytestmark = pytest.mark.asyncio

NAMES = (b"a", b"a{b}c", rb"*?[x]\ ", b"a:b", "ж🎉".encode(), b"x" * 512)


async def step(store: Store, session: Numbered, action: bytes, token: int | None = None, ttl: int = 0) -> int:
    """One step on the lock `a`."""
    steps = [LockStep(b"a", action, b"" if token is None else b"%d" % token, ttl)]
    (result,) = await locks.lock(session.it, store.keys, steps)
    return result


async def ttl_of(store: Store, name: bytes = b"a") -> int:
    left: int = await store.client.pttl(store.keys.lock(name))
    return left


async def test_acquire_a_free_lock(store: Store) -> None:
    session = store.session()
    before = await store.now_ms()
    token = await step(store, session, b"a", ttl=HOUR)
    assert before <= token // 1000 <= await store.now_ms()
    assert await store.space() == Space(locks={b"a": b"%d" % token}, fence=b"%d" % token)
    assert HOUR - MINUTE < await ttl_of(store) <= HOUR


async def test_a_held_lock_is_not_acquired(store: Store) -> None:
    seeded = Space(locks={b"a": b"7"}, fence=b"7")
    await store.seed(seeded)
    for _ in range(2):
        assert await step(store, store.session(), b"a", ttl=DAY) == 0
    assert await store.space() == seeded
    assert await ttl_of(store) <= HOUR


async def test_the_holder_extends(store: Store) -> None:
    seeded = Space(locks={b"a": b"7", b"b": b"7"}, fence=b"7")
    await store.seed(seeded)
    assert await step(store, store.session(), b"e", 7, DAY) == 1
    assert await store.space() == seeded
    assert DAY - MINUTE < await ttl_of(store) <= DAY
    assert await ttl_of(store, b"b") <= HOUR
    assert await step(store, store.session(), b"e", 7, MINUTE) == 1  # shorter too
    assert 0 < await ttl_of(store) <= MINUTE


async def test_the_holder_releases(store: Store) -> None:
    await store.seed(Space(locks={b"a": b"7", b"b": b"7"}, fence=b"7"))
    assert await step(store, store.session(), b"r", 7) == 1
    assert await store.space() == Space(locks={b"b": b"7"}, fence=b"7")
    assert await step(store, store.session(), b"r", 7) == 0


@pytest.mark.parametrize("token", [6, 8, 70, None])
@pytest.mark.parametrize("action", [b"e", b"r"])
async def test_nobody_else_extends_or_releases(store: Store, action: bytes, token: int | None) -> None:
    seeded = Space(locks={b"a": b"7"}, fence=b"9")
    await store.seed(seeded)
    assert await step(store, store.session(), action, token, DAY) == 0
    assert await store.space() == seeded
    assert 0 < await ttl_of(store) <= HOUR


@pytest.mark.parametrize("token", [7, None])
@pytest.mark.parametrize("action", [b"e", b"r"])
async def test_a_free_lock_is_neither_extended_nor_released(store: Store, action: bytes, token: int | None) -> None:
    assert await step(store, store.session(), action, token, DAY) == 0
    assert await store.space() == Space()


async def test_tokens_strictly_increase(store: Store) -> None:
    """From lock to lock, and together with those of claims."""
    session = store.session()
    tokens = []
    for _ in range(5):
        tokens.append(await step(store, session, b"a", ttl=HOUR))
        assert await step(store, session, b"r", tokens[-1]) == 1
    await store.seed(Space(tasks={b"a": b"s\nx"}, due={b"a": 1}))
    tokens.append(int((await running.claim(session.it, store.keys, 1, HOUR)).token))
    steps = [LockStep(name, b"a", b"", HOUR) for name in NAMES]
    tokens += await locks.lock(session.it, store.keys, steps)
    assert tokens == sorted(set(tokens))
    assert (await store.space()).fence == b"%d" % tokens[-1]


async def test_tokens_increase_where_the_clock_went_back(store: Store) -> None:
    fence = 8_000_000_000_000_000
    await store.seed(Space(fence=b"%d" % fence))
    steps = [LockStep(name, b"a", b"", HOUR) for name in NAMES]
    result = await locks.lock(store.session().it, store.keys, steps)
    assert result == [fence + 1 + n for n in range(len(NAMES))]


async def test_steps_of_one_batch_follow_each_other(store: Store) -> None:
    session = store.session()
    await store.seed(Space(locks={b"b": b"7", b"c": b"8"}, fence=b"9"))
    steps = [
        LockStep(b"a", b"a", b"", HOUR),
        LockStep(b"a", b"a", b"", HOUR),
        LockStep(b"b", b"r", b"7", 0),
        LockStep(b"b", b"a", b"", HOUR),
        LockStep(b"b", b"e", b"7", HOUR),
        LockStep(b"c", b"e", b"8", DAY),
        LockStep(b"c", b"r", b"7", 0),
        LockStep(b"d", b"r", b"7", 0),
    ]
    first, *rest = await locks.lock(session.it, store.keys, steps)
    second = rest[2]
    assert rest == [0, 1, second, 0, 1, 0, 0]
    assert second > first > 9
    assert await store.space() == Space(
        locks={b"a": b"%d" % first, b"b": b"%d" % second, b"c": b"8"}, fence=b"%d" % second
    )
    assert await ttl_of(store, b"c") > HOUR


async def test_names_are_taken_literally(store: Store) -> None:
    session = store.session()
    tokens = await locks.lock(session.it, store.keys, [LockStep(name, b"a", b"", HOUR) for name in NAMES])
    holders = {name: b"%d" % token for name, token in zip(NAMES, tokens, strict=True)}
    assert await store.space() == Space(locks=holders, fence=b"%d" % tokens[-1])
    steps = [LockStep(name, b"r", token, 0) for name, token in holders.items()]
    assert await locks.lock(session.it, store.keys, steps) == [1] * len(NAMES)
    assert await store.space() == Space(fence=b"%d" % tokens[-1])


async def test_a_lock_ends_by_itself(store: Store) -> None:
    token = await step(store, store.session(), b"a", ttl=5)

    async def is_free() -> bool:
        return not await store.client.exists(store.keys.lock(b"a"))

    await until(is_free)
    assert await step(store, store.session(), b"e", token, HOUR) == 0
    assert await step(store, store.session(), b"a", ttl=HOUR) > token
    assert await step(store, store.session(), b"r", token) == 0
