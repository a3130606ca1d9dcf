"""Whatever an application, its schedulers and their workers do, in any order: the key space is that of the model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test

from tests.servers import RedisServer

from .driving import DEAD_LIMIT, Driven
from .figures import often, tell
from .machine import Machine, Troubled
from .world import World

STEPS = 60
#: Hypothesis varies what it has found after so many, and then tries less that is new.
ROUND = 10


def play(world: World, machine: type[Driven]) -> None:
    """Play some histories; a round ends where one that began like another goes on differently, as its calls did."""
    with contextlib.suppress(FlakyStrategyDefinition):  # the calls of the machine are not repeatable
        play_round(world, machine)
    if world.failure is not None:
        raise world.failure


def play_round(world: World, machine: type[Driven]) -> None:
    run_state_machine_as_test(
        type("MachineHere", (machine,), {"world": world}),
        settings=settings(
            max_examples=ROUND,
            stateful_step_count=world.length,
            deadline=None,
            database=None,
            # Add Phase.shrink to have a failing history made short; that takes minutes.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@contextlib.contextmanager
def played(url: str, steps: int, monkeypatch: pytest.MonkeyPatch, told: str) -> Iterator[World]:
    """A world for some histories, which the report tells of in the end."""
    # So small that a few tasks reach them.
    monkeypatch.setattr("interval_scheduler.storage.commands.running.DEAD_LIMIT", DEAD_LIMIT)
    for module in ("interval_scheduler.storage.commands.assigning", "interval_scheduler.storage.namespace"):
        monkeypatch.setattr(f"{module}.START_WINDOW_MS", 1)
    # A loss follows the other, and each is over at once.
    monkeypatch.setattr("interval_scheduler.storage.partition.pauses._STEADY_SECONDS", 0)
    monkeypatch.setattr("interval_scheduler.storage.partition.pauses._PROBE_JITTER_SECONDS", 0.005)
    world = World(url, steps)
    world.wait_for(world.open())
    differ = 1
    try:
        yield world
        differ = 0
    finally:
        world.wait_for(world.close())
        world.loop.close()
        engine = "the embedded engine" if url.startswith("memory") else "a real Redis"
        tell(
            "machine",
            f"{told}, on {engine}",
            count=f"{world.histories:,} histories, {world.steps:,} steps; {world.shaky.counted}",
            expected="after each step the key space of the model",
            figure=f"{differ} histories that differ",
            holds=differ == 0,
        )


@pytest.fixture
def histories(url: str) -> int:
    """How many to play: the embedded engine is slower, but needs no server."""
    return often(8, 600) if url.startswith("memory") else often(15, 1000)


def test_any_history(url: str, histories: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedulers, workers and time; callers of one of the schedulers give up, and it loses connections."""
    told = (
        "any sequence of calls, quotas, claims, batches, ends of runs, crashes, lost replies, callers that give up, "
        "late copies, in a namespace and a queue of it"
    )
    with played(url, STEPS, monkeypatch, told) as world:
        while world.histories < histories:
            play(world, Machine)


def test_calls_in_trouble(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that are given up, cut off, held up and delivered late, between a few of other schedulers."""
    with played(redis_server.url, 12, monkeypatch, "calls that are given up, cut off and delivered late") as world:
        while world.histories < often(15, 400):
            play(world, Troubled)
