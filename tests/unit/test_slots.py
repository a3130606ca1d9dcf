"""Where the partitions of a cluster stand among its slots."""

from __future__ import annotations

from collections import Counter

import pytest

from interval_scheduler.storage.connection.slots import slot_of, tag_of
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import Keys

SLOTS = 16384
NAMESPACES = ("default", "a", "shop:eu", "x" * 100)


@pytest.fixture(scope="module", params=NAMESPACES)
def slots(request: pytest.FixtureRequest) -> list[int]:
    return [Keys(request.param, f"shard-{shard}", shard).slot for shard in range(256)]


def test_partitions_are_spread_evenly(slots: list[int]) -> None:
    """Any number of them, on any number of primaries with equal ranges: none has many more than others."""
    for primaries in range(3, 17):
        on = [0] * primaries
        for count, slot in enumerate(slots, 1):
            on[slot * primaries // SLOTS] += 1
            assert max(on) - count / primaries <= (2.4 if count <= 64 else 3.0), (primaries, count)


def test_sixteen_partitions_on_three_primaries(slots: list[int]) -> None:
    on = Counter(slot * 3 // SLOTS for slot in slots[:16])
    assert sorted(on.values()) == [5, 5, 6]


def test_each_has_a_slot_of_its_own(slots: list[int]) -> None:
    assert len(set(slots)) == 256


def test_all_keys_of_a_partition_share_its_slot() -> None:
    keys = Keys("shop:eu", "shard-5", 5)
    names = (*(key for script in scripts.ALL for key in keys.of[script]), keys.wake, keys.parked)
    made = (keys.reply(b"s"), keys.taken(b"s"), keys.wanted(b"s"), keys.lock(b"a{b}c"))
    assert {slot_of(key) for key in (*names, *made)} == {keys.slot}


def test_a_tag_begins_as_told() -> None:
    assert tag_of("x:shard-0", 0).startswith("x:shard-0.")
