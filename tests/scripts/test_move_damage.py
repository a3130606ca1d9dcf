"""A task that somebody damaged while it moves from one partition to another."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import topology

from .store import Store

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "packed",
    [
        b"w 5 0 0 0 0000000000000000 0 4 0\nrest of it",
        b"w 5 0 0 0 0000000000000000 4 0 0\nrest of it",
        b"w 5 0 0 0 0 0 4\nrest of it",
        b"w 5 %s 0 0 0 2 4 0\nrest of it" % (b"1" * 49),
        b"w 5 0 0 0 0 1 1 %s\nrest of it" % (b"1" * 48),
        b"w %s 0 0 0 0 3 3 0\nrest of it" % (b"1" * 17),
        b"w 5\nrest of it",
        b"",
    ],
)
async def test_what_was_damaged_on_its_way_is_kept_as_a_whole(store: Store, packed: bytes) -> None:
    outbox = topology.Outbox(1, "here", b"7", [], [b"a", packed])
    assert await topology.move_in(store.partition, "there", outbox) == -1
    space = await store.space()
    assert space.tasks == {b"a": packed}, "people can look at it"
    assert space.errors == {b"a": b"1 it could not be read in the outbox of there"}
    assert list(space.dead) == [b"a"]
    assert (space.due, space.failing, space.causes, space.history) == ({}, {}, {}, {})
