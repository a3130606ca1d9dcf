"""assign.lua: new tasks, what they may be made of, the rounding grid, batches."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import assigning

from .store import HOUR, MINUTE, Space, Store, change, leased_space, recurring, tags_of

pytestmark = pytest.mark.asyncio

START = 4_000_000_000_123

PAYLOADS = {
    "empty": b"",
    "nul": b"a\0b\0",
    "newlines": b"\n\ns 1 2\nx\r\n",
    "not-utf-8": b"\xff\xfe\x80\xc3(",
    "every-byte": bytes(range(256)),
    "digits": b"12 34",
    "large": bytes(range(256)) * 1024,
}
IDS = (
    b"a{b}c",
    rb"*?[x]\ ",
    b"a:b",
    b"{",
    b" ",
    b"%d%s",
    "ж漢字🎉".encode(),
    b"0",
    b"-1",
    b"x" * 512,
    b"\n",
    b"\xc2\x85",
)


async def test_a_new_one_shot(store: Store) -> None:
    session = store.session()
    assert await assigning.assign(session.it, store.keys, 0, [change(b"a", b"data", start=START)]) == ([True], START)
    assert await store.space() == Space(tasks={b"a": b"s\ndata"}, due={b"a": START})


async def test_a_new_recurring_task(store: Store) -> None:
    session = store.session()
    made = change(b"a", b"data", start=START, every=HOUR)
    assert await assigning.assign(session.it, store.keys, 0, [made]) == ([True], START)
    assert await store.space() == Space(tasks={b"a": recurring(HOUR, START, data=b"data")}, due={b"a": START})


async def test_as_soon_as_possible_is_now_by_the_servers_clock(store: Store) -> None:
    session = store.session()
    before = await store.now_ms()
    _, earliest = await assigning.assign(session.it, store.keys, 0, [change(b"a"), change(b"b", every=HOUR)])
    after = await store.now_ms()
    assert before <= earliest <= after
    assert await store.space() == Space(
        tasks={b"a": b"s\nx", b"b": recurring(HOUR, earliest)}, due={b"a": earliest, b"b": earliest}
    )


async def test_a_start_in_the_past_stays_there(store: Store) -> None:
    session = store.session()
    changes = [change(b"a", start=0), change(b"b", start=1, every=7), change(b"c", start=1_000_000, every=HOUR)]
    assert await assigning.assign(session.it, store.keys, 0, changes) == ([True] * 3, 0)
    assert await store.space() == Space(
        tasks={b"a": b"s\nx", b"b": b"s 7 1\nx", b"c": b"s 3600000 1000000\nx"},
        due={b"a": 0, b"b": 1, b"c": 1_000_000},
    )


async def test_the_longest_interval_and_the_latest_start(store: Store) -> None:
    session = store.session()
    ten_years, latest = 316_224_000_000, 99_999_999_999_999
    assert await assigning.assign(
        session.it, store.keys, 0, [change(b"a", start=latest, every=ten_years), change(b"b", start=latest, every=1)]
    ) == ([True, True], latest)
    assert await store.space() == Space(
        tasks={b"a": recurring(ten_years, latest), b"b": b"s 1 0\nx"}, due={b"a": latest, b"b": latest}
    )


@pytest.mark.parametrize("data", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("text", [True, False], ids=["text", "bytes"])
async def test_payloads_are_kept_byte_by_byte(store: Store, data: bytes, text: bool) -> None:  # noqa: FBT001
    session = store.session()
    kind = b"s" if text else b"b"
    changes = [
        change(b"a", data, text=text, start=START),
        change(b"b", data, text=text, start=START, every=HOUR, delay=True),
    ]
    await assigning.assign(session.it, store.keys, 0, changes)
    assert await store.space() == Space(
        tasks={b"a": kind + b"\n" + data, b"b": recurring(HOUR, START, data=data, flags=kind + b"d")},
        due={b"a": START, b"b": START},
    )


async def test_ids_are_taken_literally(store: Store) -> None:
    session = store.session()
    changes = [change(task_id, task_id, start=START + n) for n, task_id in enumerate(IDS)]
    created, earliest = await assigning.assign(session.it, store.keys, 0, changes)
    assert (created, earliest) == ([True] * len(IDS), START)
    assert await store.space() == Space(
        tasks={task_id: b"s\n" + task_id for task_id in IDS},
        due={task_id: START + n for n, task_id in enumerate(IDS)},
        tags=tags_of(IDS),
    )
    created, _ = await assigning.assign(session.it, store.keys, 0, [change(task_id) for task_id in IDS])
    assert created == [False] * len(IDS)


@pytest.mark.parametrize(("grid", "moment"), [(0, START), (1, START), (1000, START - 123), (MINUTE, 3_999_999_960_000)])
async def test_execution_times_are_rounded_down_to_the_grid(store: Store, grid: int, moment: int) -> None:
    session = store.session()
    changes = [change(b"a", start=START), change(b"b", start=START, every=HOUR)]
    assert await assigning.assign(session.it, store.keys, grid, changes) == ([True, True], moment)
    # The phase is not rounded: an interval that is no multiple of the grid does not drift.
    kept = grid if grid > 1 else 0
    assert await store.space() == Space(
        tasks={b"a": b"s\nx", b"b": recurring(HOUR, START, kept)}, due={b"a": moment, b"b": moment}
    )


async def test_an_update_leaves_the_grid_of_others_alone_and_takes_its_own(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": recurring(HOUR, 5, MINUTE)}, due={b"a": START}))
    await assigning.assign(session.it, store.keys, 0, [change(b"a", every=HOUR)])
    assert await store.space() == Space(tasks={b"a": recurring(HOUR, START)}, due={b"a": START})


async def test_new_and_updated_in_one_batch(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"leased": b"s\nold"}, token=7, due=1, deadline=START)
    seeded.tasks[b"waiting"] = seeded.tasks[b"other"] = b"s\nold"
    seeded.due = {b"waiting": START, b"other": 5}
    await store.seed(seeded)
    changes = [change(task_id, b"new", start=START + 9) for task_id in (b"waiting", b"new", b"leased")]
    created, earliest = await assigning.assign(session.it, store.keys, 0, changes)
    assert (created, earliest) == ([False, True, False], START)
    seeded.tasks.update({b"waiting": b"s\nnew", b"new": b"s\nnew", b"leased": b"s\nnew"})
    seeded.due[b"new"] = START + 9
    seeded.leases[b"leased"] = b"7 1 s%d" % (START + 9)
    assert await store.space() == seeded


async def test_only_leased_tasks_tell_of_no_due_time(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=7, due=1, deadline=START))
    assert await assigning.assign(session.it, store.keys, 0, [change(b"a", start=5)]) == ([False], -1)


async def test_a_full_batch(store: Store) -> None:
    session = store.session()
    changes = [change(b"%d" % n, b"%d" % n, start=START + n, every=HOUR) for n in range(500)]
    assert await assigning.assign(session.it, store.keys, 0, changes) == ([True] * 500, START)
    assert await store.space() == Space(
        tasks={b"%d" % n: recurring(HOUR, START + n, data=b"%d" % n) for n in range(500)},
        due={b"%d" % n: START + n for n in range(500)},
    )


async def test_what_was_set_aside_is_taken_back_under_schedule(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": b"garbage", b"b": b"junk"}, dead={b"a": 5, b"b": 6}))
    assert await assigning.assign(session.it, store.keys, 0, [change(b"a", start=START)]) == ([True], START)
    assert await store.space() == Space(tasks={b"a": b"s\nx", b"b": b"junk"}, due={b"a": START}, dead={b"b": 6})
