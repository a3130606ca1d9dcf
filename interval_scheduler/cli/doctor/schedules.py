"""Judges a schedule, the namespace itself or a queue: who executes it, and if they keep up. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ... import Overview, SchedulerCard, Series
from ..options.durations import duration_text
from ..output.words import pause_of
from .diagnosis import Diagnosis
from .gather import SPAN_SECONDS, Schedule

#: A task that waits for longer than this after its due time is late, seconds.
_LATE_SECONDS: Final = 10.0
#: A forecast is off by more than so many of its standard errors in one of twenty cases.
_ERRORS: Final = 1.64
#: The share of runs that fail from which on it is told, and of how many runs at least.
_MANY_FAILURES: Final = 0.1
_ENOUGH_RUNS: Final = 20
#: The share of runs that lose their lease from which on it is told: a task that is removed while it runs counts, too.
_MANY_LOST: Final = 0.01

_MORE_WORKERS: Final = (
    "Start more workers, raise concurrency, or lengthen intervals; see what takes long with: interval-scheduler top."
)


def judge_schedule(schedule: Schedule) -> list[Diagnosis]:
    """Judge one schedule by what was read of it."""
    judges: tuple[Callable[[Schedule], Iterable[Diagnosis]], ...] = (_pause, _nobody, _late, _rate, _results)
    return [each for judge in judges for each in judge(schedule)]


def judge_reach(cards: Iterable[SchedulerCard], online: set[str]) -> list[Diagnosis]:
    """Judge if each scheduler reaches all partitions that can be reached from here."""
    found = []
    for card in cards:
        if missing := sorted(online - set(card.partitions)):
            fact = f"The scheduler on {card.host}, process {card.pid}, does not reach {', '.join(missing)}."
            advice = "Look at the network between, and at the list of partitions of that process."
            found.append(Diagnosis("reach", "warning", fact, advice, missing[0]))
    return found


def pace_of(series: Series, now: float) -> float:
    """Return the runs that ended in a second, since the first minute of a series in which a task was claimed."""
    begun = next((point.at for point in series if point.claimed or point.runs), None)
    return 0.0 if begun is None else series.total.runs / max(1.0, now - begun)


def _pause(schedule: Schedule) -> Iterable[Diagnosis]:
    overview = schedule.overview
    if overview is None or overview.pause is None:
        return
    paused = [each.name for each in overview.partitions if each.pause is not None]
    where = "" if len(paused) == len(_online(overview)) else f" on {', '.join(paused)}"
    known = pause_of(overview.pause, lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} UTC")
    since = "" if known == "yes" else f" {known}"
    fact = f"{_name(schedule)} is paused{where}{since}, and {_are(overview.due)} due."
    yield Diagnosis("paused", "warning", fact, "When it may go on: interval-scheduler resume.", None, schedule.queue)


def _nobody(schedule: Schedule) -> Iterable[Diagnosis]:
    overview, executors = schedule.overview, schedule.executors
    if overview is None or executors is None or executors or not overview.tasks:
        return
    if overview.leased:
        yield Diagnosis(
            "uncounted",
            "warning",
            f"In {_name(schedule, first=False)} {_are(overview.leased)} claimed, and no scheduler tells of itself.",
            "If its workers live, they have statistics=False: take that off to see them. If not, start a worker: the "
            "tasks are due again when their leases end.",
            None,
            schedule.queue,
        )
        return
    is_due = overview.due > 0
    waiting = f"{_are(overview.due)} due" if is_due else f"{_are(overview.tasks)} scheduled"
    fact = f"Nobody executes {_name(schedule, first=False)}: {waiting}, and no scheduler is alive that runs them."
    advice = "Start a worker: interval-scheduler run module:worker."
    yield Diagnosis("nobody", "problem" if is_due else "warning", fact, advice, None, schedule.queue)


def _late(schedule: Schedule) -> Iterable[Diagnosis]:
    overview, now = schedule.overview, schedule.now
    if overview is None or overview.oldest_due is None or now is None or not schedule.executors or overview.pause:
        return
    lag, forecast = now - overview.oldest_due, schedule.forecast
    if lag < _LATE_SECONDS or forecast is None or schedule.series is None:
        return
    late, pace = overview.due - overview.parked, pace_of(schedule.series, now)
    fact = (
        f"{_name(schedule)} is behind: {_are(late)} late, the oldest by {duration_text(lag)}. "
        f"Runs come due at {_rate_text(forecast.demand)}, and ended at {_rate_text(pace)}"
    )
    if pace > forecast.demand + _ERRORS * forecast.demand_error:
        rest = f"; at this pace it is done in {duration_text(max(1.0, late / (pace - forecast.demand)))}."
        advice = "Wait, or start more workers for the time being."
        yield Diagnosis("behind", "warning", fact + rest, advice, None, schedule.queue)
    else:
        yield Diagnosis("behind", "problem", f"{fact}.", _MORE_WORKERS, None, schedule.queue)


def _rate(schedule: Schedule) -> Iterable[Diagnosis]:
    overview, forecast = schedule.overview, schedule.forecast
    if overview is None or forecast is None or overview.rate is None:
        return
    allowed = overview.rate.count / overview.rate.per
    if forecast.demand - _ERRORS * forecast.demand_error > allowed:
        demand = _rate_text(forecast.demand)
        fact = (
            f"{_name(schedule)} has a rate of {_rate_text(allowed)}, and runs come due at {demand}: the backlog grows "
            "for ever."
        )
        advice = "Raise the rate with: interval-scheduler rate; or lengthen intervals."
        yield Diagnosis("rate", "problem", fact, advice, None, schedule.queue)


def _results(schedule: Schedule) -> Iterable[Diagnosis]:
    if schedule.overview is not None and schedule.overview.dead:
        fact = (
            f"In {_name(schedule, first=False)} {_are(schedule.overview.dead)} dead: set aside after the last attempt."
        )
        advice = "See why with: interval-scheduler dead list; then revive or clear them."
        yield Diagnosis("dead", "warning", fact, advice, None, schedule.queue)
    if schedule.series is None:
        return
    minutes, total = f"in the last {SPAN_SECONDS // 60} minutes", schedule.series.total
    if total.runs >= _ENOUGH_RUNS and total.failures > _MANY_FAILURES * total.runs:
        fact = f"{total.failures:,} of {total.runs:,} runs of {_name(schedule, first=False)} failed {minutes}."
        advice = "See the errors with: interval-scheduler failing list."
        yield Diagnosis("failing", "warning", fact, advice, None, schedule.queue)
    if (lost := total.lost_leases + total.crashed) and lost > _MANY_LOST * total.runs:
        fact = f"{lost:,} runs of {_name(schedule, first=False)} lost their lease, or crashed too often, {minutes}."
        advice = "Look for executors that block the event loop or kill their process, and at lease_seconds."
        yield Diagnosis("lost", "warning", fact, advice, None, schedule.queue)
    silent = set(schedule.series.missing) & _online(schedule.overview)
    if silent:
        fact = f"The counts of {', '.join(sorted(silent))} cannot be read: figures are too low."
        advice = "Look at the rights of this user, and run: interval-scheduler audit."
        yield Diagnosis("uncounted", "warning", fact, advice, None, schedule.queue)


def _online(overview: Overview | None) -> set[str]:
    return {each.name for each in overview.partitions if each.online} if overview else set()


def _name(schedule: Schedule, *, first: bool = True) -> str:
    name = "the namespace" if schedule.queue is None else f"queue {schedule.queue!r}"
    return name[:1].upper() + name[1:] if first else name


def _are(tasks: int) -> str:
    return "1 task is" if tasks == 1 else f"{tasks:,} tasks are"


def _rate_text(each_second: float) -> str:
    """Return a pace in the unit in which it is read best."""
    for seconds, unit in ((1, "second"), (60, "minute"), (3600, "hour")):
        if (each := each_second * seconds) >= 1:
            return f"{each:,.0f} a {unit}" if each >= 10 else f"{each:.1f} a {unit}"
    return f"{each_second * 86_400:,.1f} a day" if each_second else "none at all"
