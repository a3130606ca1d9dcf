"""A `BlockingScheduler` has all calls of a `Scheduler`, with the same signatures and the same first words."""

from __future__ import annotations

import inspect
import re

import pytest

from interval_scheduler import BlockingScheduler, Scheduler

#: The types that differ: what is awaited or iterated over asynchronously there is plain here.
PLAIN = [
    (r"\s*\| AsyncIterable\[[\w| ]+\]", ""),
    (r"\bAsyncIterator\[", "Iterator["),
    (r"\bAsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"\bAbstractAsyncContextManager\[", "AbstractContextManager["),
    (r"\bExecutor\b", "AnyExecutor"),
    (r"\bBatchExecutor\b", "AnyBatchExecutor"),
]
#: First words that differ, by the kind of the block.
BLOCKS = [("an `async with`", "a `with`")]


def members(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def test_no_call_is_forgotten() -> None:
    assert members(BlockingScheduler) == members(Scheduler)


@pytest.mark.parametrize("name", sorted(members(Scheduler)))
def test_the_signature_is_the_same(name: str) -> None:
    there, here = (inspect.getattr_static(cls, name) for cls in (Scheduler, BlockingScheduler))
    assert type(there) is type(here)
    assert not inspect.iscoroutinefunction(getattr(BlockingScheduler, name))
    if isinstance(there, property):
        there, here = there.fget, here.fget
    there, here = getattr(there, "__func__", there), getattr(here, "__func__", here)
    wanted = str(inspect.signature(there))
    for pattern, plain in PLAIN:
        wanted = re.sub(pattern, plain, wanted)
    assert str(inspect.signature(here)) == wanted


@pytest.mark.parametrize("name", sorted(members(Scheduler)))
def test_it_says_the_same(name: str) -> None:
    there, here = (
        (inspect.getdoc(getattr(cls, name)) or "").split("\n\n")[0] for cls in (Scheduler, BlockingScheduler)
    )
    for asynchronous, plain in BLOCKS:
        there = there.replace(asynchronous, plain)
    assert here.split() == there.split()


def test_it_is_made_in_the_same_way() -> None:
    assert inspect.signature(BlockingScheduler) == inspect.signature(Scheduler)
    made = BlockingScheduler.from_url("memory://", namespace="app")
    assert repr(made) == "BlockingScheduler(namespace='app', partitions=[memory:/0])"
