"""Tasks that a worker put off for others: who hears of the end of the delay, late renewals, and a move of the list."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from interval_scheduler.storage.commands import running, topology

from .store import HOUR, MINUTE, SECOND, Space, Store, held, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7


@pytest_asyncio.fixture
async def there(url: str, namespace: str) -> AsyncIterator[Store]:
    """Another partition."""
    made = Store(url, f"there-{namespace}")
    await made.enroll()
    yield made
    await made.delete()


def _leased(*ids: bytes) -> Space:
    return leased_space(dict.fromkeys(ids, recurring(HOUR, 40)), token=TOKEN, due=40, deadline=FAR)


@pytest.mark.parametrize("due", [{}, {b"later": FAR}], ids=["nothing else waits", "another waits for long"])
async def test_schedulers_hear_when_the_first_delay_ends(store: Store, due: dict[bytes, int]) -> None:
    space = _leased(b"a", b"b")
    space.due, space.tasks = due, space.tasks | dict.fromkeys(due, b"s\nx")
    await store.seed(space)
    runs = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40), held(b"gone", TOKEN, 40)]
    async with store.announcements() as heard:
        reply = await running.release(store.session().it, store.keys, runs, [MINUTE, 2 * SECOND, SECOND])
        ends = {raw_id: int(score - 0.25) + 1 for raw_id, score in (await store.space()).leased.items()}
        assert await heard() == [ends[b"b"]] == [reply.earliest_ms]
    assert ends[b"a"] - ends[b"b"] == MINUTE - 2 * SECOND


async def test_nobody_hears_of_a_delay_that_ends_after_they_look_anyway(store: Store) -> None:
    space = _leased(b"a")
    space.due[b"soon"] = await store.now_ms() + SECOND
    space.tasks[b"soon"] = b"s\nx"
    await store.seed(space)
    async with store.announcements() as heard:
        await running.release(store.session().it, store.keys, [held(b"a", TOKEN, 40)], [MINUTE])
        assert await heard() == []


async def test_a_late_renewal_leaves_it_put_off(store: Store) -> None:
    await store.seed(_leased(b"a", b"b"))
    both = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40)]
    await running.release(store.session().it, store.keys, both[:1], [MINUTE])
    rests_until = (await store.space()).leased[b"a"]
    assert await running.renew(store.session().it, store.keys, HOUR, both) == [False, True]
    space = await store.space()
    assert space.leased[b"a"] == rests_until
    assert space.leased[b"b"] < FAR


@pytest.mark.parametrize(("mark", "due"), [(b"", 40), (b"s123", 123), (b"s123p", 123), (b"p", 40)])
async def test_it_moves_although_it_is_leased(store: Store, there: Store, mark: bytes, due: int) -> None:
    space = _leased(b"a", b"runs", b"waits")
    space.leased |= {b"a": FAR + 0.25, b"waits": FAR + 0.5}
    space.leases[b"a"] = lease(TOKEN, 40, mark)
    await store.seed(space)
    outbox = await topology.move_out(store.partition, "there", [b"a", b"runs", b"waits"])
    assert set(outbox.left) == {b"runs", b"waits"}
    found = await store.space()
    assert found.leased.keys() == found.leases.keys() == found.tasks.keys() == {b"runs", b"waits"}
    await topology.move_in(there.partition, "here", outbox)
    moved = await there.space()
    assert (moved.paused if b"p" in mark else moved.due) == {b"a": due}
    assert (moved.leased, moved.leases, moved.attempts) == ({}, {}, {})


@pytest.mark.parametrize(("kept", "moved"), [(None, None), (b"0", b"0"), (b"3", b"3"), (b"00", b"0")])
async def test_a_delivery_that_may_not_have_begun_is_known_after_a_move(
    store: Store, there: Store, kept: bytes | None, moved: bytes | None
) -> None:
    await store.seed(Space(tasks={b"a": b"s\nx"}, due={b"a": 40}, attempts={} if kept is None else {b"a": kept}))
    outbox = await topology.move_out(store.partition, "there", [b"a"])
    await topology.move_in(there.partition, "here", outbox)
    assert (await there.space()).attempts.get(b"a") == moved
