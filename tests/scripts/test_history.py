"""What is kept of runs that ended: by complete.lua, fail.lua and the others; compared with the whole key space."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interval_scheduler.model.ending import Failure
from interval_scheduler.model.past import BadHistory, PastRun, read_history, tell
from interval_scheduler.model.policy import BadPolicy, Policy, of_header
from interval_scheduler.storage.commands import assigning, control, history, lookup, running
from interval_scheduler.storage.commands.lookup import PageMark
from tests.model.space import history_of

from .store import HOUR, ClaimedTask, Space, Store, change, header, lease, leased_space

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
KEEPS = b"s %d 17;h3\nx" % HOUR
PLAIN = b"s %d 17\nx" % HOUR
OK, FAILED = (tell(1_700_000_000_123, 5, 70, outcome) for outcome in ("ok", "failed"))


def ended(task_id: bytes, record: bytes = KEEPS, told: bytes = OK) -> ClaimedTask:
    return ClaimedTask(task_id, lease(7, 40), header(record) + b";~" + told)


def failure(task_id: bytes, record: bytes = KEEPS, error: str = "Oh: no", *, charge: bool = True) -> Failure:
    return Failure(*ended(task_id, record, FAILED), None, charge, error)


def held(tasks: dict[bytes, bytes]) -> Space:
    return leased_space(tasks, token=7, due=40, deadline=FAR)


async def test_the_last_runs_of_a_task_that_asks_for_them(store: Store) -> None:
    told = [tell(1_700_000_000_000 + n, n, n, "ok") for n in range(5)]
    session = store.session()
    for each in told:
        await store.seed(held({b"a": KEEPS}))
        assert (await running.complete(session.it, store.keys, [ended(b"a", told=each)])).held == [True]
    found = await store.space()
    assert found == Space(
        tasks={b"a": KEEPS}, due=found.due, history={b"a": history_of([(each, b"") for each in told[:1:-1]])}
    )


async def test_beside_its_error_a_run_takes_no_more_than_32_bytes(store: Store) -> None:
    await store.seed(held({b"a": KEEPS}))
    await running.fail(store.session().it, store.keys, [failure(b"a")])
    assert len((await store.space()).history[b"a"]) <= 1 + 32 + len("Oh: no")


async def test_a_repetition_keeps_a_run_once(store: Store) -> None:
    await store.seed(held({b"a": KEEPS, b"b": KEEPS}))
    for end, session in ((True, store.session()), (False, store.session())):
        for _ in range(2):
            if end:
                await running.complete(session.it, store.keys, [ended(b"a")])
            else:
                await running.fail(session.it, store.keys, [failure(b"b")])
            session.back()
    found = await store.space()
    assert found.history == {b"a": history_of([(OK, b"")]), b"b": history_of([(FAILED, b"Oh: no")])}


async def test_a_stale_run_is_not_kept(store: Store) -> None:
    seeded = replace(Space(tasks={b"a": KEEPS}, due={b"a": FAR}))
    await store.seed(seeded)
    await running.complete(store.session().it, store.keys, [ended(b"a")])
    await running.fail(store.session().it, store.keys, [failure(b"a")])
    assert await store.space() == seeded


async def test_nothing_is_kept_of_others(store: Store) -> None:
    await store.seed(held({b"plain": PLAIN, b"passed over": KEEPS, b"once": b"s;h3\nx"}))
    passed_over = ClaimedTask(b"passed over", lease(7, 40), header(KEEPS))
    runs = [ClaimedTask(b"plain", lease(7, 40), header(PLAIN)), passed_over, ended(b"once", b"s;h3\nx")]
    await running.complete(store.session().it, store.keys, runs)
    found = await store.space()
    assert found == Space(tasks={b"plain": PLAIN, b"passed over": KEEPS}, due=found.due)


@pytest.mark.parametrize("length", [10, 199, 200, 201, 999, 1000, 1001, 4000])
async def test_texts_are_cut_between_characters(store: Store, length: int) -> None:
    await store.seed(held({b"a": KEEPS, b"b": KEEPS, b"c": KEEPS}))
    texts = {b"a": "x" * length, b"b": "ж" * length, b"c": "x" + "€" * length}
    failures = [failure(task_id, error=text) for task_id, text in texts.items()]
    assert (await running.fail(store.session().it, store.keys, failures)).results == "nnn"
    found = await store.space()

    def cut(text: str, most: int) -> bytes:
        return text.encode()[:most].decode(errors="ignore").encode()

    assert found.history == {task_id: history_of([(FAILED, cut(text, 200))]) for task_id, text in texts.items()}
    assert found.causes == {
        task_id: b"%d %s" % (found.failing[task_id], cut(text, 1000)) for task_id, text in texts.items()
    }


async def test_a_success_ends_the_failing(store: Store) -> None:
    seeded = held({b"a": PLAIN, b"b": PLAIN})
    await store.seed(replace(seeded, failing={b"a": 5, b"b": 6}, causes={b"a": b"5 Oh: no", b"b": b"6 Oh"}))
    await running.complete(store.session().it, store.keys, [ClaimedTask(b"a", lease(7, 40), header(PLAIN))])
    found = await store.space()
    assert (found.failing, found.causes) == ({b"b": 6}, {b"b": b"6 Oh"})


async def test_who_dies_fails_no_more_and_keeps_its_runs(store: Store) -> None:
    once = b"s;h3\nx"
    seeded = held({b"a": once, b"b": once})
    await store.seed(replace(seeded, failing={b"a": 5, b"b": 6}, causes={b"a": b"5 Oh: no", b"b": b"6 Oh"}))
    assert (await running.fail(store.session().it, store.keys, [failure(b"a", once)])).results == "d"
    await running.quarantine(store.session().it, store.keys, [ended(b"b", once)])
    found = await store.space()
    assert (found.failing, found.causes, found.history) == ({}, {}, {b"a": history_of([(FAILED, b"Oh: no")])})
    assert await control.purge_dead(store.session().it, store.keys, 10) == 2
    assert await store.space() == Space()


async def test_a_task_that_asks_for_another_attempt_is_not_failing(store: Store) -> None:
    await store.seed(held({b"a": KEEPS}))
    await running.fail(store.session().it, store.keys, [failure(b"a", charge=False)])
    found = await store.space()
    assert (found.failing, list(found.history)) == ({}, [b"a"])


async def test_of_the_failing_the_oldest_are_forgotten(store: Store) -> None:
    old = [b"o%05d" % n for n in range(10_000)]
    await store.seed(
        replace(
            held({b"a": PLAIN, b"b": PLAIN}),
            failing={raw_id: n + 1 for n, raw_id in enumerate(old)},
            causes=dict.fromkeys(old, b"1 x"),
        )
    )
    await running.fail(store.session().it, store.keys, [failure(b"a", PLAIN), failure(b"b", PLAIN)])
    found = await store.space()
    assert found.failing.keys() == found.causes.keys() == {*old[2:], b"a", b"b"}


@pytest.mark.parametrize(
    "way", ["remove", "clear", "assign without the rule", "assign with it", "assign without and with it"]
)
async def test_what_ends_a_history(store: Store, way: str) -> None:
    runs, session = history_of([(OK, b"")]), store.session()
    await store.seed(
        Space(tasks={b"a": KEEPS}, due={b"a": FAR}, history={b"a": runs}, failing={b"a": 5}, causes={b"a": b"5 Oh"})
    )
    if way == "remove":
        await assigning.remove(session.it, store.keys, [b"a"])
    elif way == "clear":
        await assigning.clear(session.it, store.keys)
    else:
        call = change(b"a", every=HOUR)
        if way != "assign without the rule":
            call = call._replace(policy=Policy(history=2))
        calls = [change(b"a", every=HOUR), call] if way == "assign without and with it" else [call]
        await assigning.assign(session.it, store.keys, 0, calls)
    found = await store.space()
    if way in ("remove", "clear"):
        assert found == Space()
    else:
        assert found.history == ({b"a": runs} if way == "assign with it" else {})
        assert found.failing == {b"a": 5}, "it fails until a run succeeds"


async def test_what_no_worker_tells_the_result_of_is_not_known_to_fail(store: Store) -> None:
    seeded = Space(tasks={b"a": PLAIN, b"b": KEEPS}, due={b"a": 1, b"b": 2})
    known = {b"a": 5, b"b": 6}
    await store.seed(replace(seeded, failing=known, causes=dict.fromkeys(known, b"5 Oh")))
    await running.claim_once(store.session().it, store.keys, 10, HOUR)
    found = await store.space()
    assert (list(found.failing), list(found.causes), list(found.leased)) == ([b"b"], [b"b"], [b"b"])


async def test_a_record_cannot_tell_of_a_run(store: Store) -> None:
    """Only a header that ends a run has that: the task is leased at any delivery, and its worker sets it aside."""
    await store.seed(Space(tasks={b"a": header(PLAIN) + b";~" + OK + b"\nx"}, due={b"a": 1}))
    await running.claim_once(store.session().it, store.keys, 10, HOUR)
    assert list((await store.space()).leased) == [b"a"]
    with pytest.raises(BadPolicy):
        of_header(header(PLAIN) + b";~" + OK)


@pytest.mark.parametrize(
    "value", [b"", b"\x01", b"x", b"\x02\0" + OK + b"\0", b"\x03" + b"\xff" * 60, b"\x01" * 300, b"7" * (1 << 20)]
)
async def test_a_history_that_cannot_be_read_begins_anew(store: Store, value: bytes) -> None:
    await store.seed(replace(held({b"a": KEEPS}), history={b"a": value}))
    with pytest.raises(BadHistory):
        read_history(value)
    [row] = await lookup.look(store.partition, [b"a"])
    assert row is not None
    await running.complete(store.session().it, store.keys, [ended(b"a")])
    assert (await store.space()).history == {b"a": history_of([(OK, b"")])}


async def test_long_histories_are_read_within_a_bound(store: Store) -> None:
    record = b"s %d 17;h100\nx" % HOUR
    long = history_of([(FAILED, b"x" * 200)] * 100)
    ids = [b"%04d" % n for n in range(300)]
    await store.seed(replace(held(dict.fromkeys(ids, record)), history=dict.fromkeys(ids, long)))
    session = store.session()
    left = [ended(task_id, record) for task_id in ids]
    rounds = 0
    while left:
        done = await running.complete(session.it, store.keys, left)
        assert 0 < len(done.held) * len(long) < (2 << 20) + 2 * len(long)
        assert all(done.held)
        left = left[len(done.held) :]
        rounds += 1
    assert rounds == 4
    found = await lookup.look(store.partition, ids)
    assert 0 < len(found) < 100
    sizes: list[int] = []
    after = None
    while not sizes or after is not None:
        page = await lookup.page(store.partition, "waiting", 250, after)
        sizes.append(len(page.rows))
        after = page.after
    assert sum(sizes) == len(ids)
    assert max(sizes) < 100


async def test_it_is_read_as_it_was_told(store: Store) -> None:
    await store.seed(
        Space(tasks={b"a": KEEPS}, due={b"a": FAR}, history={b"a": history_of([(FAILED, b"E: \xd0\xb6")])})
    )
    kept = await history.run_history(store.partition, b"a")
    assert kept.header == header(KEEPS)
    past = PastRun(1_700_000_000.123, 0.005, 0.07, "failed", "E: ж")
    assert read_history(kept.runs) == (past,)
    assert await history.run_history(store.partition, b"unknown") == (b"", b"")


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_failing_tasks_page_by_page(store: Store, limit: int, *, newest_first: bool) -> None:
    known = {b"f%02d" % n: n // 3 for n in range(25)}
    await store.seed(Space(tasks=dict.fromkeys(known, PLAIN), due=dict.fromkeys(known, FAR), failing=known))
    wanted = sorted(((when, raw_id) for raw_id, when in known.items()), reverse=newest_first)
    seen: list[PageMark] = []
    while len(seen) <= len(wanted):
        after = seen[-1] if seen else None
        page = await history.failing(store.partition, limit, after, newest_first=newest_first)
        if not page:
            break
        if len(seen) == 2 * limit:
            await store.client.zrem(store.keys.failing, seen[-1].id)  # the place is found all the same
        seen += page
    assert [(int(mark.score), mark.id) for mark in seen] == wanted


@pytest.mark.parametrize(("started", "lag", "duration"), [(-5, -5, -5), (1 << 60, 1 << 60, 1 << 60), (0, 0, 0)])
async def test_what_a_worker_tells_always_fits(started: int, lag: int, duration: int) -> None:
    assert len(tell(started, lag, duration, "crashed")) == 23
