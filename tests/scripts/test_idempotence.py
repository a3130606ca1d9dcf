"""Each state-changing script: a request that comes twice is carried out once, one that comes late never."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.model.backup_reading import Entry
from interval_scheduler.model.ending import Failure
from interval_scheduler.model.quotas import Quotas, Rate
from interval_scheduler.model.updating import to_update
from interval_scheduler.storage.commands import assigning, backup, control, locks, quotas, running, sync, updating
from interval_scheduler.storage.commands.backup import RestoreBatch
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.commands.locks import LockStep
from interval_scheduler.storage.commands.running import Claimed
from tests.waiting import until

from .store import HOUR, Numbered, Space, Store, change, held, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
EVERY = recurring(HOUR, 5, flags=b"sd")
Request = Callable[[Store, Numbered], Awaitable[Any]]


def rich() -> Space:
    """Something to do for every request, and to do again if it is carried out twice."""
    space = leased_space(
        {b"l1": EVERY, b"l2": b"s\nx", b"l3": EVERY}, token=TOKEN, due=40, deadline=FAR, attempts={b"l1": b"1"}
    )
    space.leased[b"l3"] = 50
    space.tasks |= {b"w%d" % n: EVERY if n % 2 else b"b\n\0\xff" for n in range(6)} | {b"dead": b""}
    space.due = {b"w%d" % n: FAR if n == 5 else n for n in range(6)}
    space.dead = {b"dead": 5}
    space.tasks[b"p1"] = EVERY
    space.paused = {b"p1": 5}
    space.locks = {b"a": b"7", b"b": b"8"}
    space.fence = b"8"
    space.groups = {"quota": {b"rate": b"5 3600000 5"}}
    return space


RUNS = [held(b"l1", TOKEN, 40, EVERY), held(b"l2", TOKEN, 40), held(b"l2", TOKEN - 1, 40), held(b"w1", TOKEN, 1)]
CHANGES = [
    change(b"new", b"\0\xff\n"),
    change(b"w1", every=2 * HOUR, rule="interval"),
    change(b"w2", rule="start"),
    change(b"l2"),
    change(b"dead"),
]
STEPS = [
    LockStep(b"a", b"r", b"7", 0),
    LockStep(b"a", b"a", b"", HOUR),
    LockStep(b"b", b"e", b"8", HOUR),
    LockStep(b"c", b"a", b"", HOUR),
]
CONTROLS = [
    ControlStep(b"w1", b"p"),
    ControlStep(b"w2", b"n"),
    ControlStep(b"w5", b"n"),
    ControlStep(b"l2", b"p"),
    ControlStep(b"p1", b"r"),
    ControlStep(b"dead", b"v"),
    ControlStep(b"l1", b"x"),
    ControlStep(b"l2", b"h"),
    ControlStep(b"l3", b"x"),  # its lease has ended
]
FAILURES = [
    Failure(b"l1", b"7 40", b"sd 3600000 5", 1000, charge=True, error="to be tried again"),
    Failure(b"l2", b"7 40", b"s", None, charge=True, error="for good"),
    Failure(b"l2", b"6 40", b"s", None, charge=True, error="stale"),
]

UPDATES = [
    to_update(b"w1", {"every": 7200}, "interval"),
    to_update(b"w2", {"start": timedelta(hours=1)}, "keep"),
    to_update(b"w3", {"every": 7200, "data": b"\0"}, "keep"),
    to_update(b"l1", {"retries": 5}, "keep"),
    to_update(b"l2", {"until": 5_000_000}, "keep"),
    to_update(b"dead", {"data": "x"}, "keep"),
]
RESTORED = RestoreBatch(
    [
        Entry(b"new", b"77", b"s 1000 3\nx", None),
        Entry(b"{tag}:new", b"p 77 2 1 1 0 0 9 10\n70 failed60 ada\nwhy", b"s 1000 3;gg\nx", "g"),
        Entry(b"w1", b"77", b"s 1000 3\nx", None),
        Entry(b"w2", b"d 77 0 0 0 8\n3 failed", b"s\nx", None),
        Entry(b"l1", b"p 77 0 0 0 0\n", b"b 1000 3;gg\nx", "g"),
        Entry(b"p1", b"w 77 00 0 0 0 0 0 0\n", b"b 1000 3;gg\nx", "g"),
        Entry(b"dead", b"77", b"s 1000 3\nx", None),
    ],
    replace=True,
)
QUOTAS = Quotas(0, Rate(5, per=3600), {"g": Rate(1)}, {"*": 2})
REVISIONS = itertools.count(1)

CLAIMS: dict[str, Request] = {
    "claim": lambda store, session: running.claim(session.it, store.keys, 3, HOUR),
    "claim_once": lambda store, session: running.claim_once(session.it, store.keys, 3, HOUR),
}
OTHERS: dict[str, Request] = {
    "assign": lambda store, session: assigning.assign(session.it, store.keys, 0, CHANGES),
    "purge_dead": lambda store, session: control.purge_dead(session.it, store.keys, 1),
    "clear": lambda store, session: assigning.clear(session.it, store.keys),
    "complete": lambda store, session: running.complete(session.it, store.keys, RUNS),
    "control": lambda store, session: control.control(session.it, store.keys, CONTROLS),
    "fail": lambda store, session: running.fail(session.it, store.keys, FAILURES),
    "pause_all": lambda store, session: control.pause_all(session.it, store.keys, pause=True),
    "lock": lambda store, session: locks.lock(session.it, store.keys, STEPS),
    "put_quotas": lambda store, session: quotas.put(
        session.it, store.partition, quotas.QuotaChange(replace(QUOTAS, revision=next(REVISIONS)))
    ),
    "quarantine": lambda store, session: running.quarantine(session.it, store.keys, RUNS),
    "release": lambda store, session: running.release(session.it, store.keys, RUNS),
    "remove": lambda store, session: assigning.remove(session.it, store.keys, [b"l1", b"w1", b"no", b"dead"]),
    "renew": lambda store, session: running.renew(session.it, store.keys, HOUR, RUNS),
    "update": lambda store, session: updating.update(session.it, store.keys, 0, UPDATES, [b""] * len(UPDATES)),
    "restore": lambda store, session: backup.restore(session.it, store.keys, RESTORED),
    "take_tokens": lambda store, session: quotas.take_tokens(session.it, store.partition, 5, 1),
}
ALL = CLAIMS | OTHERS
every_request = pytest.mark.parametrize("request_of", ALL.values(), ids=ALL)
other_requests = pytest.mark.parametrize("request_of", OTHERS.values(), ids=OTHERS)


def comparable(reply: object) -> object:
    """A reply without the moment at which it was given; a repeated claim may come in another order."""
    if not isinstance(reply, Claimed):
        return reply
    failed = list(reply.failed) or [None] * len(reply.ids)
    return reply.next_claim_ms, reply.token, sorted(zip(reply.ids, reply.dues, reply.records, failed, strict=True))


async def a_moment_later(store: Store) -> None:
    """Wait until the server's clock shows another moment, so that what depends on it would differ."""
    begin = await store.now_ms()

    async def passed() -> bool:
        return await store.now_ms() > begin + 1

    await until(passed)


@every_request
async def test_a_request_that_comes_twice_is_carried_out_once(store: Store, request_of: Request) -> None:
    session = store.session()
    await store.seed(rich())
    reply = await request_of(store, session)
    before = await store.raw()
    assert await store.space() != rich()
    for _ in range(2):
        await a_moment_later(store)
        session.back()
        assert comparable(await request_of(store, session)) == comparable(reply)
        assert await store.raw() == before


@other_requests
async def test_a_reply_is_kept_whatever_others_do_meanwhile(store: Store, request_of: Request) -> None:
    session, other = store.session(), store.session()
    await store.seed(rich())
    reply = await request_of(store, session)
    await assigning.clear(other.it, store.keys)
    await store.seed(rich())
    before = await store.raw()
    session.back()
    assert await request_of(store, session) == reply
    assert await store.raw() == before


@pytest.mark.parametrize("request_of", CLAIMS.values(), ids=CLAIMS)
async def test_a_late_copy_of_a_claim_that_found_nothing_finds_nothing(store: Store, request_of: Request) -> None:
    """Or it would take what came due meanwhile for nobody."""
    session = store.session()
    nothing = await request_of(store, session)
    await store.seed(rich())
    before = await store.raw()
    session.back()
    late = await request_of(store, session)
    assert (nothing.token, list(late.ids), late.next_claim_ms) == (b"0", [], 0)
    assert await store.raw() == before


@every_request
async def test_a_request_that_comes_after_a_later_one_is_refused(store: Store, request_of: Request) -> None:
    session = store.session()
    await store.seed(rich())
    session.sequence = 8
    for _ in range(3):  # 10 and 11 are after 9
        await assigning.assign(session.it, store.keys, 0, [change(b"first", start=FAR)])
    before = await store.raw()
    for late in (1, 2, 9, 10):
        session.sequence = late - 1
        with pytest.raises(ResponseError, match=r"^OUTDATED "):
            await request_of(store, session)
        assert await store.raw() == before


@every_request
async def test_a_later_request_is_carried_out(store: Store, request_of: Request) -> None:
    """Numbers may be left out: those of requests that were refused."""
    session = store.session()
    await assigning.assign(session.it, store.keys, 0, [change(b"first", start=FAR)])
    await store.seed(rich())
    before = await store.raw()
    session.sequence = 99
    await request_of(store, session)
    assert store.replies[session.name].startswith(b"100 ")
    assert await store.raw() != before


@every_request
async def test_sessions_do_not_know_of_each_other(store: Store, request_of: Request) -> None:
    await store.seed(rich())
    await request_of(store, store.session())
    await assigning.clear(store.session().it, store.keys)
    await store.client.delete(*(store.keys.lock(name) for name in (b"a", b"b", b"c")))
    await store.seed(rich())
    before = await store.space()
    await request_of(store, store.session())
    assert await store.space() != before


async def test_marks_that_come_twice_are_counted_once(store: Store) -> None:
    """A sync that counted them twice, or not at all, would not know whether any was lost."""
    session = store.session()
    marks: Sequence[tuple[list[bytes], list[bool]]] = (
        ([b"a", b"b"], [True, True]),
        ([b"b", b"c", b"c"], [False, True, False]),
        ([], []),
        ([b"a"], [True]),
    )
    for ids, fresh in marks:
        assert await sync.mark(session.it, store.keys, b"sync", HOUR, ids) == fresh
        before = await store.raw()
        session.back()
        assert await sync.mark(session.it, store.keys, b"sync", HOUR, ids) == fresh
        assert await store.raw() == before
