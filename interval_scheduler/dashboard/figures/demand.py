"""Demand against dispatch, in sentences. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from ... import Forecast, Overview, SchedulerCard
from ...cli.options.durations import duration_text
from ..words import many, pace

#: Tasks that are late by less are about to be claimed.
LATE_SECONDS: Final = 1.0
#: Of fewer runs in progress, the duration of a run cannot be told.
_FEW_RUNS: Final = 10


def late_by(overview: Overview) -> float | None:
    """Return by how many seconds the oldest due task is late; `None` if none is, or only for a moment.

    Each partition is judged by its own clock, by which its tasks become due: the clock of another one can be ahead.
    """
    late = max(
        (
            each.server_time - each.oldest_due
            for each in overview.partitions
            if each.server_time is not None and each.oldest_due is not None
        ),
        default=0.0,
    )
    return late if late >= LATE_SECONDS else None


def executing(cards: Sequence[SchedulerCard]) -> list[SchedulerCard]:
    """Return the schedulers that execute the tasks of the namespace or queue itself."""
    return [card for card in cards if card.executing]


def demand_words(forecast: Forecast, overview: Overview, cards: Sequence[SchedulerCard] | None, span: str) -> list[str]:
    """Say what is asked for, what was done of late, who is there to do it, and what follows from that.

    Args:
        forecast: the runs to come.
        overview: the state.
        cards: the schedulers; `None` if they could not be read.
        span: the words for the time of the forecast.
    """
    alive = None if cards is None else executing(cards)
    said = [_asked(forecast, span)]
    if alive:
        said.append(_places(alive))
    said += _verdict(forecast, overview, alive)
    if alive and (needed := _needed(forecast, alive)):
        said.append(needed)
    return said


def _asked(forecast: Forecast, span: str) -> str:
    error = f" (± {pace(forecast.demand_error)})" if forecast.demand_error else ""
    asked = f"{pace(forecast.demand)}{error} runs a second are asked for in the next {span}"
    if forecast.dispatched is None:
        return f"{asked}; it is not known yet how many end."
    if not forecast.dispatched:
        return f"{asked}; no run is counted for the last ten minutes."
    return f"{asked}; {pace(forecast.dispatched)} a second ended in the last ten minutes."


def _places(alive: Sequence[SchedulerCard]) -> str:
    places, running = sum(card.places for card in alive), sum(card.running for card in alive)
    theirs = ", those of queues included" if any(card.queues for card in alive) else ""
    verb = "executes" if len(alive) == 1 else "execute"
    return (
        f"{many(len(alive), 'scheduler')} {verb} tasks here: {running:,} of {many(places, 'place')} are taken{theirs}."
    )


def _verdict(forecast: Forecast, overview: Overview, alive: Sequence[SchedulerCard] | None) -> list[str]:
    if overview.pause is not None:
        return ["All is paused, so no run starts."]
    said: list[str] = []
    rate = overview.rate
    if rate is not None and rate.count / rate.per < forecast.demand:
        said.append(f"The rate lets only {pace(rate.count / rate.per)} runs a second start.")
    late = late_by(overview)
    if late is None and overview.parked:
        said.append(f"{many(overview.parked, 'due task waits', 'due tasks wait')} for room or tokens of a group.")
    elif late is None and alive:
        said.append("Nothing is late.")
    elif late is not None:
        waiting = max(0, overview.due - overview.parked)
        said.append(f"{many(waiting, 'task is', 'tasks are')} due, the oldest for {duration_text(late)}.")
        if alive and sum(card.running for card in alive) >= sum(card.places for card in alive):
            said.append("All places are taken: more places, or shorter runs, would help.")
    return said


def _needed(forecast: Forecast, alive: Sequence[SchedulerCard]) -> str | None:
    """Say how many places the demand needs, if runs go on as long as those of now: by Little's law."""
    running = sum(card.running for card in alive)
    # The places and runs of a card are those of its queues too, and what was dispatched is not.
    if running < _FEW_RUNS or not forecast.dispatched or any(card.queues for card in alive):
        return None
    seconds = running / forecast.dispatched
    places = math.ceil(forecast.demand * seconds)
    return (
        f"With {running:,} runs in progress and {pace(forecast.dispatched)} ended a second, a run takes about "
        f"{duration_text(seconds)}, so that demand needs about {many(places, 'place')}."
    )
