"""Hints in batches, and as tasks to look at."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import IntervalTask
from interval_scheduler.model.assignment import to_assignment
from interval_scheduler.storage.commands.assigning import encode
from interval_scheduler.storage.commands.handoff import Hint
from interval_scheduler.storage.commands.lookup import Row
from interval_scheduler.storage.mapping import to_scheduled_task
from interval_scheduler.storage.requests.batching import MAX_BATCH
from interval_scheduler.storage.topology.hint_codec import batches, looked_up, row_of

START = 4_000_000_000


@given(kinds=st.lists(st.booleans(), max_size=40), last=st.integers(0, 40), times=st.sampled_from([1, 30]))
def test_batches(kinds: list[bool], last: int, times: int) -> None:
    hints = [Hint(n + 1, b"t", b"" if kind else b"ks", sequence=n) for n, kind in enumerate(kinds * times)]
    cut = list(batches(hints, last))
    assert [hint for batch in cut for hint in batch] == hints[last:], "each one behind the last, in order"
    for batch in cut:
        assert 0 < len(batch) <= MAX_BATCH
        assert len({hint.is_removal for hint in batch}) == 1
    for one, other in itertools.pairwise(cut):
        assert one[0].is_removal != other[0].is_removal or len(one) == MAX_BATCH


@given(
    data=st.one_of(st.text(max_size=20), st.binary(max_size=20)),
    every=st.one_of(st.none(), st.integers(1, 100_000)),
    repeat=st.sampled_from(["rate", "delay"]),
    group=st.one_of(st.none(), st.just("g")),
    grid_ms=st.sampled_from([0, 1000]),
)
def test_a_hint_as_a_task(data: str | bytes, every: int | None, repeat: str, group: str | None, grid_ms: int) -> None:
    task = IntervalTask("id", data, every=every, start=START, repeat=repeat, group=group)  # type: ignore[arg-type]
    args = encode([to_assignment(task, grid_ms)])
    raw = [b"%d" % arg if isinstance(arg, int) else arg for arg in args]
    hint = Hint.parse(b"7", raw[0], b"\n".join([*raw[1:4], b"0123456789abcdef 12", raw[4]]))
    assert hint is not None
    assert (hint.number, list(hint.encoded), hint.is_removal) == (7, raw, False)
    assert (hint.session, hint.sequence) == (b"0123456789abcdef", 12)
    found = to_scheduled_task("p", row_of(hint, grid_ms))
    assert (found.id, found.data, found.every, found.next_run, found.group) == ("id", data, every, START, group)


def test_the_answers_to_a_look_end_where_the_first_one_is_missing() -> None:
    gone, kept = Hint(1, b"gone", b"", b"", b"", b""), Hint(2, b"kept", b"ks", b"7", b"", b"x")
    row = Row(b"a", b"s\nx", 5, "waiting", 0)
    ids, hints = [b"a", b"gone", b"a", b"kept", b"b", b"c"], [None, gone, None, kept, None, None]
    found = [row, None, row, row_of(kept, 0)]
    assert looked_up(ids, hints, {b"a": row}, None, 0) == found
    assert looked_up(ids, hints, {b"a": row, b"b": None}, None, 0) == [*found, None]
    assert looked_up(ids, hints[:3], {b"a": row, b"b": None}, None, 0) == found[:3]
    assert looked_up(ids, hints, {}, "away", 0) == ["away", None, "away", found[3], "away", "away"]
