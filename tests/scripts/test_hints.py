"""The scripts of hints (hint, hint_look, hint_page, hint_count, trim_hints, applied), and those that apply hints."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from interval_scheduler.model.assignment import Assignment
from interval_scheduler.storage.commands import assigning, handoff
from interval_scheduler.storage.commands.handoff import Hint
from interval_scheduler.storage.scripts.ports import Argument
from interval_scheduler.storage.topology.hint_applying import InOrder
from interval_scheduler.storage.topology.hint_codec import batches

from .store import HOUR, Numbered, Store, change, stamp

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000_000
NAME = "there"
#: The session of whoever writes hints, and its numbers.
WRITER = b"00000000000000aa"
NUMBERS = itertools.count(1)


def removals(*ids: bytes) -> list[Argument]:
    return [arg for raw_id in ids for arg in (raw_id, b"", b"", b"", b"")]


async def keep(store: Store, session: Numbered, args: Sequence[Argument], bound: int = 100) -> str:
    writer = b"%s %d" % (WRITER, next(NUMBERS))
    return await handoff.hint(session.it, store.partition, store.keys.hints_for(NAME), NAME, bound, writer, args)


async def hints(store: Store) -> list[Hint]:
    page = await handoff.hint_page(store.partition, store.keys.hints_for(NAME))
    return [] if page is None else list(page.hints)


def without_replies(raw: dict[bytes, Any]) -> dict[bytes, Any]:
    return {key: value for key, value in raw.items() if b":reply:" not in key}


async def test_what_is_kept_and_what_is_answered(store: Store) -> None:
    session = store.session()
    began = await store.now_ms()
    args = assigning.encode([change(b"a", b"\0\n\xff", every=HOUR), change(b"b", start=FAR), change(b"a")])
    assert await keep(store, session, [*args, *removals(b"a", b"a", b"c")]) == "110100"
    found = await hints(store)
    assert [(each.id, each.is_removal) for each in found] == [
        (b"a", False),
        (b"b", False),
        (b"a", False),
        (b"a", True),
        (b"a", True),
        (b"c", True),
    ]
    assert found[0].data == b"\0\n\xff"
    assert (found[0].interval, found[1].start) == (b"%d" % HOUR, b"%d" % FAR)
    assert began <= int(found[0].start) <= await store.now_ms(), "as soon as possible was then"
    numbers = [each.number for each in found]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 1000 * began, "numbers go on even if the hints before were lost"
    latest = await handoff.hint_look(store.partition, store.keys.hints_for(NAME), [b"a", b"b", b"c", b"d"])
    # Of a removal, only its number is looked up.
    nameless = [each._replace(session=b"", sequence=0) for each in (found[4], found[5])]
    assert latest == [nameless[0], found[1], nameless[1], None]
    assert await handoff.hint_counts(store.partition, [store.keys.hints_for(NAME), store.keys.hints_for("x")]) == [
        6,
        0,
    ]


async def test_a_repeated_request_keeps_nothing_again(store: Store) -> None:
    session = store.session()
    args = assigning.encode([change(b"a"), change(b"b")])
    reply = await keep(store, session, args)
    before = await store.raw()
    session.back()
    assert await keep(store, session, args) == reply
    assert await store.raw() == before


async def test_no_more_than_the_bound(store: Store) -> None:
    session = store.session()
    args = assigning.encode([change(b"%d" % n) for n in range(5)])
    assert await keep(store, session, args, bound=3) == "111ff"
    before = without_replies(await store.raw())
    assert await keep(store, session, removals(b"1"), bound=3) == "f"
    assert without_replies(await store.raw()) == before


async def test_the_first_one_is_announced(store: Store) -> None:
    pubsub = store.client.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(store.keys.wake)
    for _ in range(2):
        await keep(store, store.session(), removals(b"a"))
    await store.client.publish(store.keys.wake, b"end")
    heard = []
    async for message in pubsub.listen():
        if message["data"] == b"end":
            break
        heard.append(message["data"])
    await pubsub.aclose()
    assert heard == [b"hints there"]


async def test_striking_off(store: Store) -> None:
    session, keys = store.session(), store.keys.hints_for(NAME)
    await keep(store, session, [*removals(b"a", b"b"), *assigning.encode([change(b"a"), change(b"c")])])
    found = await hints(store)
    for _ in range(2):  # it may be repeated
        await handoff.trim_hints(store.partition, keys, found[1].number)
        assert await hints(store) == found[2:]
        assert await handoff.hint_look(store.partition, keys, [b"a", b"b", b"c"]) == [found[2], None, found[3]]
    await handoff.trim_hints(store.partition, keys, found[3].number)
    left = without_replies(await store.raw())
    assert set(left) == {store.keys.fence, store.keys.epoch}, "nothing but the counter is left"


async def test_a_page_is_bounded_in_bytes(store: Store) -> None:
    for n in range(8):
        await keep(store, store.session(), assigning.encode([change(b"%d" % n, b"x" * 250_000)]))
    assert len(await hints(store)) == 4


async def apply(store: Store, last: int, batch: Sequence[Hint]) -> None:
    session = InOrder(store.partition, last, batch)
    if batch[0].is_removal:
        await assigning.remove(session, store.keys, [each.id for each in batch])
    else:
        await assigning.assign_encoded(session, store.keys, 0, [arg for each in batch for arg in each.encoded])


async def test_hints_are_applied_once(store: Store) -> None:
    """Behind the very one that was the last, however batches are cut; and the number of the last one stays."""
    await keep(store, store.session(), assigning.encode([change(b"%d" % n, start=FAR) for n in range(6)]))
    found = await hints(store)
    await apply(store, 0, found[:4])
    before = await store.raw()
    assert before[store.keys.hinted] == ("string", b"%d" % found[3].number, False), "for ever"
    for last, batch in ((0, found[:4]), (0, found[:2]), (0, found), (found[1].number, found[2:])):
        with pytest.raises(ResponseError, match=r"^OUTDATED "):
            await apply(store, last, batch)
        assert await store.raw() == before
    assert await handoff.applied(store.partition) == found[3].number
    await apply(store, found[3].number, found[4:])
    assert set((await store.raw())[store.keys.tasks][1]) == {b"%d" % n for n in range(6)}


async def test_hints_are_not_applied_under_another_list(store: Store) -> None:
    await keep(store, store.session(), [*assigning.encode([change(b"a", start=FAR)]), *removals(b"a")])
    found = await hints(store)
    await store.client.set(store.keys.epoch, stamp(2))
    before = await store.raw()
    for batch in (found[:1], found[1:]):
        with pytest.raises(ResponseError, match="LISTCHANGED"):
            await apply(store, 0, batch)
    assert await store.raw() == before
    store.epoch = 2
    await apply(store, 0, found[:1])
    await apply(store, found[0].number, found[1:])
    assert await handoff.applied(store.partition) == found[1].number


@dataclass
class Model:
    """What a partition holds if each change is carried out once, in order."""

    tasks: dict[bytes, bytes] = field(default_factory=dict)

    def carry_out(self, each: Assignment | bytes) -> None:
        if isinstance(each, bytes):
            self.tasks.pop(each, None)
        else:
            self.tasks[each.id] = each.data


ids = st.sampled_from([b"a", b"b", b"c"])
changes = st.one_of(ids, st.builds(lambda i, n: change(i, b"%d" % n, start=FAR), ids, st.integers(0, 99)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(changes, max_size=12),
    # Who applies: how many hints it takes at once, after how many steps it dies, and whether it strikes off before.
    appliers=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4), st.booleans()), max_size=6),
)
async def test_any_number_may_apply_and_die(
    store: Store, asked: list[Assignment | bytes], appliers: list[tuple[int, int, bool]]
) -> None:
    await store.clear()
    model = Model()
    for each in asked:
        await keep(store, store.session(), removals(each) if isinstance(each, bytes) else assigning.encode([each]))
        model.carry_out(each)
    pages = [(await hints(store), await handoff.applied(store.partition))]  # what somebody read before all others
    for size, steps, strikes in [*appliers, (6, 99, True)]:
        for page, number in [pages[0], (await hints(store), await handoff.applied(store.partition))]:
            last = number
            cut = [each for at in range(0, len(page), size) for each in batches(page[at : at + size], last)]
            for batch in cut[:steps]:
                try:
                    await apply(store, last, batch)
                except ResponseError:  # the batch was refused, and with it all behind it
                    break
                last = batch[-1].number
        if strikes:
            last = await handoff.applied(store.partition)
            await handoff.trim_hints(store.partition, store.keys.hints_for(NAME), last)
    assert await hints(store) == []
    for batch in list(batches(*pages[0]))[:1]:  # one that was frozen all the time
        with pytest.raises(ResponseError, match=r"^OUTDATED "):
            await apply(store, 0, batch)
    raw = cast("dict[bytes, Any]", await store.raw())
    tasks = raw[store.keys.tasks][1] if store.keys.tasks in raw else {}
    assert {raw_id: record.partition(b"\n")[2] for raw_id, record in tasks.items()} == model.tasks
