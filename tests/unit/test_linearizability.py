"""The checker of lock histories, by histories made by hand: right ones and wrong ones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.linearizability import MS, Kind, Operation, Violation, violations
from tests.faults.lock_history import HistoryFile, read_history

DAY = 86_400_000


def op(
    kind: Kind,
    invoked: int,
    responded: int | None,
    *,
    done: bool | None,
    token: int | None = None,
    lock: str = "a",
    ttl: int = DAY,
) -> Operation:
    """An operation with moments and time to live in ms."""
    ended = None if responded is None else responded * MS
    return Operation(kind, lock, invoked * MS, ended, done, token, ttl * MS)


def acquired(invoked: int, responded: int, token: int | None, *, lock: str = "a", ttl: int = DAY) -> Operation:
    return op("acquire", invoked, responded, done=True, token=token, lock=lock, ttl=ttl)


def not_acquired(invoked: int, responded: int) -> Operation:
    return op("acquire", invoked, responded, done=False)


def extended(invoked: int, responded: int, token: int, *, ttl: int = DAY, done: bool = True) -> Operation:
    return op("extend", invoked, responded, done=done, token=token, ttl=ttl)


def released(invoked: int, responded: int, token: int, *, done: bool = True) -> Operation:
    return op("release", invoked, responded, done=done, token=token)


def unknown(kind: Kind, invoked: int, token: int | None = None, *, ttl: int = DAY) -> Operation:
    return op(kind, invoked, None, done=None, token=token, ttl=ttl)


RIGHT = {
    "nothing": [],
    "one after the other": [
        acquired(0, 1, 5),
        not_acquired(2, 3),
        extended(4, 5, 5),
        extended(4, 5, 4, done=False),
        released(6, 7, 4, done=False),
        released(8, 9, 5),
        released(10, 11, 5, done=False),
        extended(10, 11, 5, done=False),
        acquired(12, 13, 6),
    ],
    "acquired while the release is under way": [acquired(0, 1, 5), released(2, 9, 5), acquired(3, 4, 6)],
    "the order is not that of the invocations": [acquired(0, 1, 5), acquired(2, 9, 6), released(3, 4, 5)],
    "refused by one that ends later": [acquired(0, 9, 5), not_acquired(1, 2), released(10, 11, 5)],
    "extended before the release that began earlier": [acquired(0, 1, 5), released(2, 9, 5), extended(3, 4, 5)],
    "two refused at the same time, on both sides of a change": [
        acquired(0, 1, 5),
        released(2, 9, 5),
        not_acquired(2, 9),
        extended(2, 9, 5, done=False),
        acquired(3, 8, 6),
    ],
    "gone by itself": [acquired(0, 1, 5, ttl=10), extended(10, 11, 5, done=False), acquired(12, 13, 6)],
    "not gone yet, since it was set late": [acquired(0, 20, 5, ttl=10), not_acquired(29, 30)],
    "the first moment without it": [acquired(0, 1, 5, ttl=10), acquired(10, 10, 6)],
    "the last millisecond": [acquired(0, 1, 5, ttl=10), not_acquired(12, 13)],
    "kept by an extend": [acquired(0, 1, 5, ttl=10), extended(2, 3, 5, ttl=100), not_acquired(90, 91)],
    "cut short by an extend": [acquired(0, 1, 5), extended(2, 3, 5, ttl=10), acquired(12, 13, 6)],
    "the time of an acquisition is over while it is refused": [
        acquired(0, 1, 5, ttl=10),
        released(5, 15, 5, done=False),
    ],
    "an unknown acquisition took effect": [unknown("acquire", 0), not_acquired(5, 6)],
    "an unknown acquisition never did": [
        unknown("acquire", 0),
        acquired(5, 6, 5),
        released(7, 8, 5),
        acquired(9, 9, 6),
    ],
    "an unknown acquisition took effect much later": [
        unknown("acquire", 0),
        acquired(5, 6, 5),
        released(7, 8, 5),
        not_acquired(9, 10),
    ],
    "an unknown acquisition was gone by itself": [
        unknown("acquire", 0, ttl=10),
        not_acquired(8, 9),
        acquired(10, 11, 5),
    ],
    "two unknown acquisitions": [
        unknown("acquire", 0, ttl=10),
        unknown("acquire", 0, ttl=10),
        not_acquired(20, 21),
        acquired(22, 23, 5),
        released(24, 25, 5),
        not_acquired(26, 27),
    ],
    "the shorter of two unknown acquisitions took effect": [
        unknown("acquire", 0),
        unknown("acquire", 0, ttl=10),
        not_acquired(5, 6),
        acquired(10, 11, 5),
    ],
    "an unknown release took effect": [acquired(0, 1, 5), unknown("release", 2, 5), acquired(8, 9, 6)],
    "an unknown release never did": [
        acquired(0, 1, 5),
        unknown("release", 2, 5),
        not_acquired(8, 9),
        released(9, 9, 5),
    ],
    "an unknown extend took effect": [acquired(0, 1, 5, ttl=10), unknown("extend", 2, 5), not_acquired(90, 91)],
    "an unknown extend never did": [acquired(0, 1, 5, ttl=10), unknown("extend", 2, 5), acquired(10, 11, 6)],
    "a token that nobody was told": [acquired(0, 1, None, ttl=10), not_acquired(2, 3), acquired(10, 11, 5)],
    "two locks": [acquired(0, 1, 5), acquired(2, 3, 6, lock="b"), released(4, 5, 5), acquired(6, 7, 7)],
    "tokens of two at the same time": [acquired(0, 9, 6), acquired(1, 8, 5, lock="b")],
}

WRONG = {
    "two holders": [acquired(0, 1, 5), acquired(2, 3, 6)],
    "two holders at the same time": [acquired(0, 9, 5), acquired(0, 9, 6)],
    "refused though free": [not_acquired(0, 1)],
    "refused though released": [acquired(0, 1, 5), released(2, 3, 5), not_acquired(4, 5)],
    "released twice": [acquired(0, 1, 5), released(2, 3, 5), released(4, 5, 5)],
    "released twice at the same time": [acquired(0, 1, 5), released(2, 9, 5), released(2, 9, 5)],
    "released by another": [acquired(0, 1, 5), released(2, 3, 4)],
    "release refused to the holder": [acquired(0, 1, 5), released(2, 3, 5, done=False)],
    "extended by another": [acquired(0, 1, 5), extended(2, 3, 4)],
    "extended after the release": [acquired(0, 1, 5), released(2, 3, 5), extended(4, 5, 5)],
    "extend refused to the holder": [acquired(0, 1, 5), extended(2, 3, 5, done=False)],
    "released before it was acquired": [released(0, 1, 5), acquired(2, 3, 5)],
    "gone too early": [acquired(0, 1, 5, ttl=10), acquired(8, 9, 6)],
    "gone before the time of its extend": [
        acquired(0, 1, 5, ttl=10),
        extended(2, 3, 5, ttl=100),
        extended(90, 91, 5, done=False),
    ],
    "not gone in time": [acquired(0, 1, 5, ttl=10), not_acquired(13, 14)],
    "extended when its time was over": [acquired(0, 1, 5, ttl=10), extended(13, 14, 5)],
    "released when its time was over": [acquired(0, 1, 5, ttl=10), released(13, 14, 5)],
    "a later holder, and then the earlier again": [acquired(0, 1, 5, ttl=10), acquired(12, 13, 6), extended(14, 15, 5)],
    "an unknown acquisition cannot have begun yet": [not_acquired(0, 1), unknown("acquire", 2)],
    "an unknown acquisition takes effect once": [
        unknown("acquire", 0, ttl=10),
        not_acquired(8, 9),
        acquired(10, 11, 5),
        released(12, 13, 5),
        not_acquired(14, 15),
    ],
    "an unknown release of another": [acquired(0, 1, 5), unknown("release", 2, 4), acquired(8, 9, 6)],
    "an unknown release cannot have begun yet": [acquired(0, 1, 5), acquired(2, 3, 6), unknown("release", 4, 5)],
    "an unknown extend cannot have begun yet": [
        acquired(0, 1, 5, ttl=10),
        not_acquired(20, 21),
        unknown("extend", 22, 5),
    ],
    "an unknown extend of an earlier holder": [
        acquired(0, 1, 5, ttl=10),
        unknown("extend", 2, 5, ttl=30),
        acquired(33, 34, 6, ttl=10),
        released(35, 36, 6),
        not_acquired(37, 38),
    ],
    "an unknown extend takes effect once": [
        acquired(0, 1, 5, ttl=10),
        unknown("extend", 2, 5, ttl=30),
        not_acquired(20, 21),
        extended(26, 27, 5, ttl=100),
        acquired(60, 61, 6),
    ],
    "a smaller token later in the only order": [acquired(0, 9, 6), released(1, 2, 6), acquired(3, 8, 5)],
    "a smaller token later": [acquired(0, 1, 5), released(2, 3, 5), acquired(4, 5, 4)],
    "the same token twice": [acquired(0, 1, 5), released(2, 3, 5), acquired(4, 5, 5)],
    "a smaller token later on another lock": [acquired(0, 1, 5), acquired(2, 3, 4, lock="b")],
    "the same token at the same time on another lock": [acquired(0, 9, 5), acquired(1, 8, 5, lock="b")],
    "wrong on one of two locks": [acquired(0, 1, 5), acquired(2, 3, 6, lock="b"), acquired(4, 5, 7)],
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_history(name: str) -> None:
    assert violations(RIGHT[name]) == []
    assert violations(reversed(RIGHT[name])) == [], "the moments count, not how the history is sorted"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_history(name: str) -> None:
    assert violations(WRONG[name])


def test_a_long_history_with_many_unknown_outcomes_is_quick() -> None:
    """Each unknown outcome leaves two possibilities; if those were multiplied, no search would end."""
    history = []
    for begin in range(0, 3_000, 200):
        token = begin + 1
        history += [acquired(begin, begin + 1, token, ttl=20), unknown("extend", begin + 2, token, ttl=40)]
        history += [unknown("release", begin + 3, token), unknown("acquire", begin + 4, ttl=20)]
        history += [not_acquired(begin + 5, begin + 8) for _ in range(4)]
        history += [extended(begin + 100, begin + 130, token, done=False) for _ in range(10)]
    began = time.process_time()
    assert violations(history) == []
    assert time.process_time() - began < 60


def test_many_at_once_are_quick() -> None:
    """Eleven extends have 39,916,800 orders, but few of them make a difference."""
    history = [acquired(0, 1, 5), *(extended(2, 20 + n, 5, ttl=100 + n) for n in range(11)), released(40, 41, 5)]
    began = time.process_time()
    assert violations(history) == []
    assert violations([*history, not_acquired(50, 51)])
    assert time.process_time() - began < 60


def test_a_violation_tells_what_is_wrong() -> None:
    history = [acquired(0, 1, 5), released(2, 3, 4), acquired(6, 7, 6, lock="b"), acquired(8, 9, 3, lock="c")]
    assert violations(history) == [
        Violation(history[1], "no order explains it; the lock may have been: held with 5"),
        Violation(history[3], "the token 3 is not greater than 6, which was given before"),
    ]


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with path.open("w", buffering=1) as file:
        history = HistoryFile(file)
        one, two = history.begin("acquire", "a", None, 15), history.begin("acquire", "a", None, 60)
        history.end(two, done=True, token=7)
        history.end(one, done=False)
        history.refuse(history.begin("release", "a", 7, 0))
        history.begin("extend", "a", 7, 200)
        assert history.count == 4
        found = list(read_history(path))  # while it is open, as after a kill
    second, first, third = found
    assert (second.kind, second.lock, second.done, second.token, second.ttl) == ("acquire", "a", True, 7, 60 * MS)
    assert (first.done, first.token, first.ttl) == (False, None, 15 * MS)
    assert (third.kind, third.done, third.token, third.ttl) == ("extend", None, 7, 200 * MS)
    assert first.invoked <= second.invoked <= second.ended <= first.ended
    assert third.responded is None
    assert violations(found) == []
