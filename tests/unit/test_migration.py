"""The order of calls on one task while it moves: whoever gives up, and when the move ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from interval_scheduler.storage.commands.assigning import Removed
from interval_scheduler.storage.partition.partition import Partition
from interval_scheduler.storage.routes import Routes
from interval_scheduler.storage.topology.migration import Migration
from tests.waiting import until

pytestmark = pytest.mark.asyncio


class Calls:
    """One kind of calls at a partition: each is answered when it is let to."""

    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name
        self.waiting: list[asyncio.Future[Any]] = []

    def submit_all(self, items: Sequence[object]) -> asyncio.Future[Any]:
        return self.submit(items)

    def submit(self, item: object) -> asyncio.Future[Any]:
        self._log.append(f"{self._name} {item!r}")
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


class Home:
    """A partition, of which only the changes matter."""

    def __init__(self, log: list[str], name: str) -> None:
        self.name = name
        self.remove = Calls(log, f"{name} remove")
        self.if_exists = self
        self.in_transit = Calls(log, f"{name} transit")
        self.state = "online"

    def require_online(self) -> None:
        pass  # it always is


@pytest.fixture
def homes() -> tuple[list[str], Home, Home, Migration]:
    log: list[str] = []
    old, new = Home(log, "old"), Home(log, "new")
    return log, old, new, Migration([cast("Partition", old)], [cast("Partition", new)])


async def test_a_call_that_is_given_up_lets_no_later_one_pass(
    homes: tuple[list[str], Home, Home, Migration],
) -> None:
    log, old, new, migration = homes
    first, second, third = (migration.remove(b"x") for _ in range(3))
    await until(lambda: log == ["old remove b'x'"])
    second.cancel()
    await asyncio.wait([second])
    old.remove.waiting[0].set_result(None)
    await until(lambda: len(log) == 2)
    old.in_transit.waiting[0].set_result(False)
    await until(lambda: len(log) == 3)
    assert log[1:] == ["old transit b'x'", "new remove b'x'"], "the third one still waits for the first"
    new.remove.waiting[0].set_result(Removed(True, 0))  # noqa: FBT003
    assert await first == (True, 0)
    await until(lambda: len(log) == 4)
    assert log[3] == "old remove b'x'"
    old.remove.waiting[1].set_result(Removed(False, 0))  # noqa: FBT003
    assert await third == (False, 0)
    await until(lambda: not migration.is_under_way(b"x"))


async def test_a_later_call_waits_for_one_that_is_under_way_when_the_move_ends(
    homes: tuple[list[str], Home, Home, Migration],
) -> None:
    log, old, new, migration = homes
    first = migration.remove(b"x")
    await until(lambda: log == ["old remove b'x'"])
    migration.is_over = True
    assert migration.is_under_way(b"x")
    second = migration.remove(b"x")
    old.remove.waiting[0].set_result(None)
    await until(lambda: len(log) == 2)
    old.in_transit.waiting[0].set_result(False)
    await until(lambda: len(log) == 3)
    assert log[2] == "new remove b'x'"
    new.remove.waiting[0].set_result(1)
    await first
    await until(lambda: len(log) == 4)
    assert log[3] == "new remove b'x'", "it goes straight to the new home"
    new.remove.waiting[1].set_result(2)
    await second
    assert not migration.is_under_way(b"y")


async def test_many_calls_go_together_again_once_the_last_that_moved_has_ended(
    homes: tuple[list[str], Home, Home, Migration],
) -> None:
    """Until then each goes alone: it may have to wait for one that is under way."""
    log, old, new, migration = homes
    routes = Routes([cast("Partition", new)], 0)
    routes.migration = migration
    first = routes.remove(b"x")
    await until(lambda: log == ["old remove b'x'"])
    routes.leave_migration()
    both = list(routes.remove_all([b"x", b"y"]))
    assert log[1:] == ["new remove b'y'"], "the other one waits"
    old.remove.waiting[0].set_result(Removed(True, 0))  # noqa: FBT003
    assert await first == (True, 0)
    await until(lambda: log[2:] == ["new remove b'x'"])
    for call in new.remove.waiting:
        call.set_result(Removed(False, 0))  # noqa: FBT003
    assert [(await answers).given for answers in both] == [[(False, 0)], [(False, 0)]]
    await until(lambda: migration.is_quiet)
    assert len(list(routes.remove_all([b"x", b"y"]))) == 1
    assert log[3:] == ["new remove [b'x', b'y']"]
