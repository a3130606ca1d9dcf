"""What the table of growth rests on: when tasks are due, and tables that nobody resizes."""

from __future__ import annotations

import pytest
import redis

from benchmarks import resizing
from benchmarks.bench import Bench
from benchmarks.floor import dispatch
from benchmarks.growth import COUNTS, table
from benchmarks.spread import moments
from benchmarks.works import growth
from tests.servers import RedisServer

NOW = 1_000_000.0


@pytest.mark.parametrize("at_random", [False, True])
def test_just_so_many_are_due(*, at_random: bool) -> None:
    found = list(moments(50, 950, NOW, at_random=at_random))
    assert len(found) == 1_000
    assert sum(moment <= NOW for moment in found) == 50
    assert sum(moment > NOW + 3_599 for moment in found) == 950


def test_what_is_due_at_random_was_assigned_anywhere() -> None:
    found = list(moments(50, 950, NOW, at_random=True))
    places = [place for place, moment in enumerate(found) if moment <= NOW]
    assert places[0] < 200
    assert places[-1] > 800
    assert found != sorted(found)
    assert found == list(moments(50, 950, NOW, at_random=True))


def test_in_order_each_is_due_later_than_the_one_before() -> None:
    found = list(moments(50, 950, NOW, at_random=False))
    assert found[:950] == sorted(found[:950])
    assert found[950:] == sorted(found[950:])


def _fill(client: redis.Redis, count: int) -> None:
    ids = [f"id:{n}" for n in range(count)]
    client.hset("records", mapping=dict.fromkeys(ids, "x"))
    client.zadd("due", dict.fromkeys(ids, 1))


def test_tables_that_are_resized_are_found_and_settled() -> None:
    with RedisServer(**resizing.settings()) as server, server.client() as client:
        assert not resizing.is_resizing(client, "records")
        _fill(client, 10)
        assert not resizing.is_resizing(client, "records")  # too small for a table
        _fill(client, 2**16 + 1)
        assert resizing.is_resizing(client, "records")
        assert resizing.is_resizing(client, "due")
        resizing.settle(client, "records", "due")
        assert not resizing.is_resizing(client, "records")
        assert not resizing.is_resizing(client, "due")


def test_growth_and_floor_run_what_is_due() -> None:
    figures = growth(300, 1_000, at_random=True, mixed=True)
    assert figures["runs"] == 300
    assert figures["duplicates"] == 0
    assert dispatch(300, 1_000, at_random=True)["per_second"] > 0


def test_a_bench_settles_each_of_its_partitions() -> None:
    with Bench(2, **resizing.settings()) as bench:
        for db in range(2):
            with bench.server.client(db) as client:
                _fill(client, 2**12 + 1)
                client.rename("due", bench.keys("due")[db])
                assert resizing.is_resizing(client, bench.keys("due")[db])
        bench.settle("due")  # it asserts that none is resized any more


def test_no_count_is_near_a_power_of_two() -> None:
    for waiting in COUNTS:
        total = waiting + 50_000
        assert 1.05 < total / 2 ** (total.bit_length() - 1) < 1.9


def test_the_table_has_what_was_measured() -> None:
    one = {"per_second": 200_000.0, "redis_cpu_per_1000": 0.0049}
    lines = table({"growth: 9,000 waiting, at random": one})
    assert lines[0].startswith("| waiting | ours, due in the order of insertion | ours, at random |")
    assert lines[3].startswith("| 9,000 | ")
    assert lines[3].split(" | ")[2] == "5.0, 4.9"
    assert table({"dispatch": one}) == []
