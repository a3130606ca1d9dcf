"""Counts, points, cards and samples as pure values."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import InvalidType, InvalidValue, Point, Series
from interval_scheduler.model import cards, past, tailed
from interval_scheduler.model.cards import BadCard, Card, LongRun, Seen, Work, put_together
from interval_scheduler.model.health import data_lost
from interval_scheduler.model.series import KINDS, check_resolution, check_times, read_counts, series_of, span_of
from interval_scheduler.model.tailed import BadTail
from interval_scheduler.model.tally import EDGES_MS, WIRE_NAMES, Tally
from interval_scheduler.model.wire import LATEST_MS, moment_of
from interval_scheduler.support.sampling import Sampling

NOW = 1_800_000_000_000
MINUTE = KINDS["1m"]


def class_of(lag_ms: int) -> int:
    """The class of a lag, found by trying one edge after the other."""
    return sum(lag_ms >= edge for edge in EDGES_MS)


@given(
    st.lists(
        st.one_of(st.integers(-5, 20), st.integers(0, 700_000), st.sampled_from(EDGES_MS), st.integers(0, NOW)),
        min_size=1,
        max_size=60,
    ),
    st.booleans(),
)
def test_each_claimed_task_is_in_the_class_of_its_lag(lags: list[int], is_sorted: bool) -> None:  # noqa: FBT001
    tally = Tally()
    tally.note_claim(NOW, [b"%d" % (NOW - lag) for lag in (sorted(lags, reverse=True) if is_sorted else lags)])
    wanted = Counter(map(class_of, lags))
    assert tally.lags == [wanted[number] for number in range(len(EDGES_MS) + 1)]


def test_due_times_that_nobody_writes_are_counted_too() -> None:
    tally = Tally()
    tally.note_claim(NOW, [])
    tally.note_claim(NOW, [b"1.8e+12", b"nan", b"inf", b"%d" % NOW])
    assert (sum(tally.lags), tally.lags[-1]) == (4, 1)


def test_the_counts_are_told_in_the_order_of_their_names() -> None:
    tally = Tally()
    tally.runs, tally.handed_back, tally.lags[-1] = 3, 4, 5
    told = dict(zip(WIRE_NAMES, tally.counts(), strict=True))
    assert len(told) == len(WIRE_NAMES) == 22
    assert {name: count for name, count in told.items() if count} == {b"r": 3, b"h": 4, b"10": 5}


def test_the_lag_of_a_share() -> None:
    point = Point(0.0, lags=(50, 49, 0, 0, 0, 0, 0, 0, 0, 0, 1))
    assert [point.lag(share) for share in (0.01, 0.5, 0.51, 0.99, 1)] == [0.003, 0.003, 0.01, 0.01, math.inf]
    assert (point.claimed, Point(0.0).lag(0.9)) == (100, None)
    for share in (0, -1, 1.01, math.nan):
        with pytest.raises(InvalidValue, match="share"):
            point.lag(share)
    with pytest.raises(InvalidType, match="share"):
        point.lag("half")  # type: ignore[arg-type]


def test_a_span_is_whole_periods_up_to_now() -> None:
    first = NOW // 60_000
    assert span_of(MINUTE, NOW - 90_000, None, NOW) == (MINUTE, first - 2, 3)
    assert span_of(MINUTE, NOW - 60_000, NOW - 1, NOW) == (MINUTE, first - 1, 1)
    assert span_of(MINUTE, NOW - 60_000, NOW, NOW) == (MINUTE, first - 1, 1)
    assert span_of(MINUTE, NOW - 60_000, NOW + 10**9, NOW) == (MINUTE, first - 1, 2), "what is to come has no points"
    assert span_of(MINUTE, NOW + 600_000, None, NOW).many == 0


def test_times_that_cannot_be_read() -> None:
    with pytest.raises(InvalidValue, match=r"since is too long ago.*3 hours.*resolution='10m'"):
        span_of(MINUTE, NOW - 10_900_000, None, NOW)
    assert span_of(MINUTE, NOW - 10_800_000, None, NOW).many == 181
    with pytest.raises(InvalidValue, match=r"since is too long ago: counts of ten minutes are kept for 8 days"):
        span_of(KINDS["10m"], NOW - 10 * 86_400_000, None, NOW)
    with pytest.raises(InvalidValue, match="until must be after since"):
        check_times(NOW / 1000, NOW / 1000)
    with pytest.raises(InvalidType, match="since"):
        check_times("yesterday", None)
    for wrong, error in (("5m", InvalidValue), (1, InvalidType), (None, InvalidType)):
        with pytest.raises(error, match="resolution"):
            check_resolution(wrong)


def test_a_series_has_no_gaps_and_sums_partitions() -> None:
    span = span_of(MINUTE, NOW - 120_000, None, NOW)
    raw = b"2,1" + b"," * 20
    series = series_of(span, [(span.first, raw), (span.first, raw), (span.first + 2, raw)], ["b"])
    assert [(point.at, point.runs, point.failures) for point in series] == [
        (span.first * 60.0, 4, 2),
        (span.first * 60.0 + 60, 0, 0),
        (span.first * 60.0 + 120, 2, 1),
    ]
    assert (series.missing, series.seconds, series.total.runs, series.total.at) == (("b",), 60, 6, series[0].at)
    assert (series[-1].runs, series[1:], len(series)) == (2, series.points[1:], 3)
    assert Series((), 60).total == Point(0.0)
    assert series[0].at_time.timestamp() == series[0].at


@pytest.mark.parametrize("raw", [b"", b"1,2", b"x" + b"," * 21, b"-5" + b"," * 21, b"1" * 400 + b"," * 21])
def test_counts_that_cannot_be_read_are_zero(raw: bytes) -> None:
    assert read_counts(raw) == [0] * 22


CARD = Card(
    3,
    "host",
    7,
    "1.0",
    NOW,
    accepting=True,
    works=[Work("", 10, 2, 5, 1), Work("mail", 5, 1, 9, 0)],
    longest=[LongRun("", "a", NOW)],
)


def test_a_card_comes_back_as_it_was_told() -> None:
    assert cards.decode(cards.encode(CARD)) == CARD


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[1]",
        cards.encode(CARD)[:-1],
        cards.encode(CARD).replace(b"[1,", b"[2,", 1),
        cards.encode(CARD._replace(number=-1)),
        cards.encode(CARD._replace(number=10**16)),
        cards.encode(CARD._replace(host="x" * 1000)),
        cards.encode(CARD._replace(accepting=None)),  # type: ignore[arg-type]
        cards.encode(CARD._replace(works=[Work("q", 1, 1, 1, 1)] * 1000)),
        cards.encode(CARD._replace(works=[(1, 2)])),  # type: ignore[list-item]
        cards.encode(CARD._replace(longest=[LongRun("", "a", NOW)] * 21)),
        cards.encode(CARD._replace(longest=[("", "a", "now")])),  # type: ignore[list-item]
        cards.encode(CARD._replace(since_ms=LATEST_MS + 1)),
        cards.encode(CARD._replace(longest=[LongRun("", "a", LATEST_MS + 1)])),
    ],
)
def test_garbage_is_no_card(raw: bytes) -> None:
    with pytest.raises(BadCard):
        cards.decode(raw)


def test_the_cards_of_all_partitions_are_put_together() -> None:
    older = CARD._replace(number=1, works=[])
    found = put_together([Seen("x", NOW - 500, "b", older), Seen("x", NOW - 900, "a", CARD)])
    assert len(found) == 1
    card = found[0]
    assert (card.partitions, card.last_seen, card.queues, card.executing) == (
        ("a", "b"),
        (NOW - 500) / 1000,
        ("mail",),
        True,
    )
    assert (card.places, card.running, card.runs, card.failures) == (15, 3, 14, 1)
    assert [(run.id, run.queue) for run in card.longest] == [("a", None)]
    of_queue = put_together([Seen("x", NOW, "a", CARD)], "mail")[0]
    assert (of_queue.places, of_queue.running, of_queue.runs, of_queue.longest) == (5, 1, 9, ())
    assert put_together([Seen("x", NOW, "a", CARD)], "other") == []
    assert (card.since_time.timestamp(), card.last_seen_time.timestamp()) == (card.since, card.last_seen)


def test_runs_come_back_as_they_were_told() -> None:
    told = [tailed.tell("b", NOW + 1, -4, 5, 2, "failed", "x" * 900), tailed.tell("a", NOW, 1, 2, 1, "ok", "")]
    runs = tailed.decode("p", tailed.encode("me", 10, told))
    assert [(run.id, run.outcome, run.lag, run.attempt, run.stands_for) for run in runs] == [
        ("a", "ok", 0.001, 1, 5.0),
        ("b", "failed", 0.0, 2, 5.0),
    ]
    assert (runs[0].error, len(runs[1].error or ""), runs[0].partition, runs[0].scheduler) == (None, 200, "p", "me")
    assert runs[0].ended_at.timestamp() == runs[0].ended
    assert tailed.decode("p", b"") == []


@pytest.mark.parametrize(
    "message",
    [
        b"nonsense",
        b"[]",
        json.dumps([2, "me", 1, []]).encode(),
        json.dumps([1, 5, 1, [["a", 1, 1, 1, 1, 0, ""]]]).encode(),
        json.dumps([1, "me", True, []]).encode(),
        json.dumps([1, "me", 1, [["a", 1, 1, 1, 1, 99, ""]]]).encode(),
        json.dumps([1, "me", 1, [["a"]]]).encode(),
        json.dumps([1, "me", 1, [["a" * 9000, 1, 1, 1, 1, 0, ""]]]).encode(),
        json.dumps([1, "me", 1, [["a", -1, 1, 1, 1, 0, ""]]]).encode(),
        json.dumps([1, "me", 1, [["a", LATEST_MS + 1, 1, 1, 1, 0, ""]]]).encode(),
        json.dumps([1, "me", 1, [["a", 1, 1, 1, 1, 1, None]]]).encode(),
        json.dumps([1, "me", 1, [["a", 1, 1, 1, 1, 0, ""]] * 2000]).encode(),
    ],
)
def test_garbage_tells_of_no_runs(message: bytes) -> None:
    with pytest.raises(BadTail):
        tailed.decode("p", message)


def test_each_moment_that_is_read_is_one_that_a_datetime_can_tell() -> None:
    card = put_together([Seen("x", moment_of(b"inf"), "a", CARD._replace(since_ms=LATEST_MS))])[0]
    [run] = tailed.decode("p", tailed.encode("me", 1, [tailed.tell("a", LATEST_MS, 1, 2, 1, "ok", "")]))
    told = past.tell(1 << 60, 1, 2, "ok")
    [ended] = past.read_runs(b"\0" + told + b"\0")
    lost = data_lost("p", 10**16 - 1).message
    for moment in (card.since_time, card.last_seen_time, run.ended_at, ended.started_at):
        assert (moment.year, moment.month, moment.day) == (9999, 12, 31)
    assert "9999-12-31 23:59:59" in lost


def sample(sampling: Sampling, source: str, things: range) -> tuple[int, list[Any]]:
    for thing in things:
        if (place := sampling.place(source)) is not None:
            sampling.put(source, place, thing)
    return sampling.take(source)


def test_a_sample_is_bounded_over_all_sources_and_has_every_thing_alike() -> None:
    sampling = Sampling(50)
    assert (sampling.is_on, sampling.place("a"), sampling.take("a")) == (False, None, (0, []))
    sampling.turn("a", on=True)
    sampling.turn("a", on=True)
    assert sample(sampling, "a", range(30)) == (30, list(range(30)))
    found = Counter[bool]()
    for _ in range(100):
        seen, kept = sample(sampling, "a", range(1000))
        assert (seen, len(kept), len(set(kept))) == (1000, 50, 50)
        found.update(thing < 500 for thing in kept)
    assert 0.4 < found[True] / found.total() < 0.6
    sampling.turn("b", on=True)
    assert len(sample(sampling, "a", range(1000))[1]) == 25
    sampling.turn("a", on=False)
    assert (sampling.is_on, sampling.covers("a"), sampling.covers("b")) == (True, False, True)
    sampling.turn("b", on=False)
    assert not sampling.is_on
