"""What the machine chooses from: tasks with all that they may ask for, and the like. Moments are ms after its base."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from hypothesis import strategies as st

from interval_scheduler.model.assignment import Reschedule
from tests.model import Spec, Wanted
from tests.scripts.store import HOUR, MINUTE

#: Few, so that much happens to each.
IDS: Final = ("a:1", "{*}:1", "{*}", "ж")
#: Prefixes, and the ids that begin with them; one has a whole hash tag, and one a half.
SCOPES: Final = {"{*}": IDS[1:3], "a:": IDS[:1], "{": IDS[1:3], "ж": IDS[3:]}
LOCKS: Final = ("a:1", "sync")
RULES: Final[list[Reschedule]] = ["keep", "interval", "start"]
#: What the tasks of a history have in common: they are of few groups, of none, have an end, or at first so many runs.
Leaning = Literal["none", "crowded", "alone", "ending", "counted"]
#: The place of a cron expression, whose minute the machine chooses.
CRON: Final = "hourly"
#: What is found in the place of a record that was damaged.
DAMAGED: Final = (b"", b"garbage", b"not a record\n")

#: Places in a list of tasks, those that are meant first.
tasks = st.integers(0, 5)
some_tasks = st.lists(tasks, min_size=1, max_size=3)
rules = st.sampled_from(RULES)
grids = st.sampled_from([0, 0, 1000])
#: How many tasks of a group may be leased; 0 for any number.
rooms = st.sampled_from([1, 1, 1, 2, 0])
limits = st.integers(1, 4)
picks = st.lists(st.integers(0, 4), min_size=1, max_size=3)
retries = st.sampled_from([15 * MINUTE, 75 * MINUTE, 3 * HOUR])
twice = st.booleans()
leanings: st.SearchStrategy[Leaning] = st.sampled_from(["none", "crowded", "crowded", "alone", "ending", "counted"])

_trifles = st.sampled_from([0, 1, 99])
_starts = st.builds(lambda hours, ms: hours * HOUR + ms, st.integers(-30, 5), _trifles)
_ends = st.builds(lambda hours, ms: hours * HOUR + ms, st.integers(-2, 5), _trifles)
_data = st.text(max_size=2) | st.binary(max_size=3)
_kinds = st.sampled_from(["once", "rate", "rate", "delay", "cron"])
_groups = st.sampled_from([None, None, "g", "g", "h:ж"])
_extras = st.sets(
    st.sampled_from(["spread", "missed", "until", "max_runs", "retries", "timeout", "history"]), max_size=3
)
_jitters = st.sampled_from([5 * MINUTE, 20 * MINUTE])
_more = st.sets(st.sampled_from(["late", "overlap", "jitter", "jitter"]), max_size=2)


@st.composite
def wanted(draw: st.DrawFn, of: tuple[str, ...] = IDS) -> Wanted:
    """An assignment of one of some ids, with anything that goes together."""
    kind = draw(_kinds)
    extras = draw(_extras)
    start = draw(st.none() | _starts)
    spec = Spec(draw(_data), group=draw(_groups))
    spread = False
    if kind in ("rate", "delay"):
        spec = replace(spec, interval=draw(st.sampled_from([HOUR, 2 * HOUR])), delay=kind == "delay")
        spread = "spread" in extras
    elif kind == "cron":
        spec = replace(spec, cron=CRON)
    else:
        # Without an interval it makes no difference, but it is kept.
        spec = replace(spec, delay="missed" in extras)
    if kind != "once":
        if "missed" in extras and kind != "delay":
            spec = replace(spec, missed=draw(st.sampled_from(["skip", "all"])))
        if "until" in extras:
            until = draw(_ends)
            spec = replace(spec, until=until if start is None else max(until, start))
        if "max_runs" in extras:
            spec = replace(spec, max_runs=draw(st.integers(1, 3)))
    if "history" in extras:
        spec = replace(spec, history=draw(st.integers(1, 3)))
    if "retries" in extras:
        spec = replace(spec, retries=draw(st.integers(1, 3)), backoff=draw(st.sampled_from([1000, 2500])))
    if "timeout" in extras:
        spec = replace(spec, timeout=1500)
    return Wanted(draw(st.sampled_from(of)), asking_more(spec, kind, draw(_more), draw(_jitters)), start, spread)


def asking_more(spec: Spec, kind: str, more: set[str], jitter: int) -> Spec:
    """A spec with some of the rules for late, long and scattered runs, as far as they go together."""
    if "late" in more:
        spec = replace(spec, start_deadline=2000)
    if "overlap" in more and kind in ("rate", "cron") and spec.missed != "all":
        spec = replace(spec, overlap="once")
    if "jitter" in more and kind in ("rate", "cron"):
        spec = replace(spec, jitter=jitter)
    return spec


some_wanted = st.lists(wanted(), min_size=1, max_size=4)
all_wanted = st.tuples(*(wanted((task_id,)) for task_id in IDS)).map(list)


def leaned(task: Wanted, leaning: Leaning, *, is_new: bool) -> Wanted:
    """As in a history that leans to something."""
    spec = task.spec
    recurs = spec.interval is not None or spec.cron is not None
    if leaning == "crowded":
        spec = replace(spec, group="g")
    elif leaning in ("alone", "counted"):
        spec = replace(spec, group=None)
    if leaning == "ending" and spec.until is None and recurs:
        spec = replace(spec, until=max(task.start or 0, HOUR))
    if leaning == "counted" and recurs and is_new:
        spec = replace(spec, max_runs=3)
    return replace(task, spec=spec)


def placed(task: Wanted, base: int, cron: str) -> Wanted:
    """With moments that count from a base, and a cron expression."""
    start, until = task.start, task.spec.until
    spec = replace(
        task.spec,
        until=None if until is None else until + base,
        cron=None if task.spec.cron is None else cron,
    )
    return replace(task, start=None if start is None else start + base, spec=spec)


@st.composite
def syncs(draw: st.DrawFn) -> tuple[str, list[Wanted], list[str]]:
    """A scope, what is desired there, and the ids of those that are to stay as they are."""
    scope = draw(st.sampled_from(list(SCOPES)))
    desired = draw(st.lists(wanted(SCOPES[scope]), max_size=2))
    return scope, desired, draw(st.lists(st.sampled_from(SCOPES[scope]), max_size=2))
