"""Whatever an application, its schedulers and their workers do, in any order: the key space is that of the model."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .driving import DEAD_LIMIT, World
from .figures import often, tell
from .machine import Machine

STEPS = 60
#: Hypothesis varies what it has found after so many, and then tries less that is new.
ROUND = 10


def play(world: World) -> None:
    """Play some histories."""
    run_state_machine_as_test(
        type("MachineHere", (Machine,), {"world": world}),
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


@pytest.fixture
def histories(url: str) -> int:
    """How many to play: the embedded engine is slower, but needs no server."""
    return often(8, 600) if url.startswith("memory") else often(15, 1000)


def test_any_history(url: str, histories: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # So small that a few tasks reach them.
    monkeypatch.setattr("interval_scheduler.storage.commands.running.DEAD_LIMIT", DEAD_LIMIT)
    for module in ("interval_scheduler.storage.commands.assigning", "interval_scheduler.storage.namespace"):
        monkeypatch.setattr(f"{module}.START_WINDOW_MS", 1)
    world = World(url, STEPS)
    world.wait_for(world.open())
    differ = 1
    try:
        while world.histories < histories:
            play(world)
        differ = 0
    finally:
        world.wait_for(world.close())
        world.loop.close()
        engine = "the embedded engine" if url.startswith("memory") else "a real Redis"
        tell(
            "machine",
            f"any sequence of calls, claims, ends of runs, crashes and lost replies, on {engine}",
            count=f"{world.histories} histories, {world.steps} steps",
            expected="after each step the key space of the model",
            figure=f"{differ} histories that differ",
            holds=differ == 0,
        )
