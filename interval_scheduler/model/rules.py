"""`Rules`: the rules that the application may give a task beyond its interval, checked."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache
from typing import Final

from ..errors import InvalidType, InvalidValue
from .checks import Moment, Seconds, Start, check_moment, check_name, check_seconds, to_ms
from .cron import check_cron, check_zone
from .past import MAX_HISTORY
from .policy import PLAIN, Late, Missed, Overlap, Policy

MAX_RETRIES: Final = 1000
NEEDS_EXACT_TIMES: Final = "needs exact times: it cannot be combined with task_interval_seconds"
MAX_RUNS: Final = 1_000_000_000
MAX_GROUP_BYTES: Final = 128


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that a task may ask for beyond its interval. Redis stores nothing for a rule that has its default.

    Args:
        missed: the treatment of missed occurrences; an occurrence is missed if the next one is due as well. `"once"`
            (default): one run for all of them; `"skip"`: no run, the next one is on the grid; `"all"`: one run for each
            of the last thousand, in order.
        spread: place all runs at a phase of the interval that follows from the id, so that tasks that are assigned
            together do not all run together. Default False.
        until: the moment after which no run is due: epoch seconds or an aware datetime. It must not come before the
            first run; the server's clock decides. Default None: the task recurs for ever.
        max_runs: the number of runs after which the task is gone; further attempts do not count. Default None: any
            number.
        cron: a cron expression of five fields, or six with seconds in front, instead of an interval. Needs the extra
            `cron`. Default None.
        timezone: the time zone of the cron expression. Default `"UTC"`.
        timeout: the longest time of a run, in seconds or as a timedelta; a longer run is cancelled and counts as
            failed. Default None: the option `run_timeout_seconds`.
        retries: the number of further attempts for a run that fails. A recurring task gets a further attempt only if
            that comes before its next occurrence. Default 0.
        backoff: the delay before the first further attempt, in seconds or as a timedelta. It doubles each time, up to
            an hour, and up to half of it is taken off at random. Default 1.
        group: the group that the task belongs to, for example a tenant; see the option `group_concurrency`. Up to 128
            bytes, without `;` and control characters. Default None.
        late: the treatment of a run that cannot start within `start_deadline` of its due time. `"run"` (default): it
            runs; `"skip"`: it does not, and does not count; a one-shot is over then.
        start_deadline: the time after its due time within which a run must start, in seconds or as a timedelta; only
            with `late="skip"`, which needs it. Default None.
        overlap: the treatment of occurrences that come while a run goes on. `"skip"` (default): they are left out;
            `"once"`: one more run at once for all of them, then the next on the grid.
        jitter: the time by which each run is due later than its time on the grid at the most, in seconds or as a
            timedelta; it must be shorter than the interval. The grid stays as it is. Default None: no time.
        history: the number of its last runs that are kept, from 1 to 100; see `run_history`. Default 0: none.

    Raises:
        InvalidValue, InvalidType: a rule cannot be used; the message names it.
    """

    missed: Missed = "once"
    spread: bool = False
    until: Moment | None = None
    max_runs: int | None = None
    cron: str | None = None
    timezone: str = "UTC"
    timeout: Seconds | None = None
    retries: int = 0
    backoff: Seconds = 1.0
    group: str | None = None
    late: Late = "run"
    start_deadline: Seconds | None = None
    overlap: Overlap = "skip"
    jitter: Seconds | None = None
    history: int = 0

    def __post_init__(self) -> None:
        self.to_policy()

    def __repr__(self) -> str:
        """Show only the rules that differ from their defaults."""
        asked = ((rule.name, getattr(self, rule.name), rule.default) for rule in fields(self))
        return f"Rules({', '.join(f'{name}={value!r}' for name, value, default in asked if value != default)})"

    def to_policy(self) -> Policy:
        """Return the wire form of all rules but `spread`, which needs no place in Redis."""
        if self.missed not in ("once", "skip", "all"):
            raise InvalidValue("missed", f"must be 'once', 'skip' or 'all', got {self.missed!r}")
        if not isinstance(self.spread, bool):
            raise InvalidType("spread", f"must be True or False, not {type(self.spread).__name__}")
        if self.late not in ("run", "skip"):
            raise InvalidValue("late", f"must be 'run' or 'skip', got {self.late!r}")
        if self.overlap not in ("skip", "once"):
            raise InvalidValue("overlap", f"must be 'skip' or 'once', got {self.overlap!r}")
        if self.late == "skip" and self.start_deadline is None:
            raise InvalidValue("start_deadline", "is needed with late='skip': the time in which a run must start")
        if self.late == "run" and self.start_deadline is not None:
            raise InvalidValue("start_deadline", "needs late='skip': without it, a late run is not skipped")
        cron = zone = None
        if self.cron is not None:
            cron, zone = check_cron(self.cron, self.timezone)
            check_zone(zone)
        elif self.timezone != "UTC":
            raise InvalidValue("timezone", "is for a cron expression: an interval knows no time zone")
        return Policy(
            missed=self.missed,
            until_ms=None if self.until is None else check_moment("until", self.until),
            max_runs=None if self.max_runs is None else _count("max_runs", self.max_runs, 1, MAX_RUNS),
            cron=cron,
            zone=None if zone == "UTC" else zone,
            retries=_count("retries", self.retries, 0, MAX_RETRIES),
            backoff_ms=_span("backoff", self.backoff),
            timeout_ms=None if self.timeout is None else _span("timeout", self.timeout),
            group=None if self.group is None else check_group("group", self.group),
            start_deadline_ms=None if self.start_deadline is None else _span("start_deadline", self.start_deadline),
            overlap=self.overlap,
            jitter_ms=None if self.jitter is None else _span("jitter", self.jitter),
            history=_count("history", self.history, 0, MAX_HISTORY),
        )


def check_together(
    rules: Rules, *, interval_ms: int | None, fixed_delay: bool, start: Start | None, grid_ms: int = 0
) -> Policy:
    """Return the wire form of rules; check that they fit each other, the interval, the repetition and the start.

    Args:
        rules: the rules.
        interval_ms: the interval of the task, ms; `None` for none.
        fixed_delay: whether the interval counts from the end of a run.
        start: the first time of the task.
        grid_ms: the rounding grid, ms; 0 for none.

    Raises:
        InvalidValue: rules do not fit; the message names one of them.
    """
    if rules is NO_RULES:
        return PLAIN
    policy, recurs = rules.to_policy(), interval_ms is not None
    if policy.cron is not None and recurs:
        raise InvalidValue("cron", "cannot be combined with an interval: give one of them")
    if policy.cron is not None and fixed_delay:
        raise InvalidValue("repeat", "must be 'rate' with a cron expression: it has no interval to delay by")
    if rules.spread and not recurs:
        raise InvalidValue("spread", "needs an interval: it spreads the runs over it")
    if not recurs and policy.cron is None:
        _check_once(policy)
    if policy.missed != "once" and fixed_delay:
        raise InvalidValue(
            "missed", "must be 'once' with repeat='delay': a delay begins when a run ends, none is missed"
        )
    if policy.overlap == "once":
        _check_overlap(policy, fixed_delay=fixed_delay)
    if policy.jitter_ms is not None:
        _check_jitter(policy.jitter_ms, interval_ms, grid_ms, fixed_delay=fixed_delay)
    starts_at = None if start is None or isinstance(start, timedelta) else check_moment("start", start)
    if policy.until_ms is not None and starts_at is not None and policy.until_ms < starts_at:
        raise InvalidValue("until", "must not be before the start: the task would never run")
    return policy


@lru_cache(maxsize=4096)
def rules_of(policy: Policy, *, spread: bool) -> Rules:
    """Return the rules of which a policy is the wire form.

    They are not checked again: a process that only looks needs neither the extra `cron` nor every time zone.
    """
    if policy == PLAIN and not spread:
        return NO_RULES
    rules = object.__new__(Rules)
    for name, value in (
        ("missed", policy.missed),
        ("spread", spread),
        ("until", None if policy.until_ms is None else policy.until_ms / 1000),
        ("max_runs", policy.max_runs),
        ("cron", policy.cron),
        ("timezone", policy.zone or "UTC"),
        ("timeout", None if policy.timeout_ms is None else policy.timeout_ms / 1000),
        ("retries", policy.retries),
        ("backoff", policy.backoff_ms / 1000),
        ("group", policy.group),
        ("late", "run" if policy.start_deadline_ms is None else "skip"),
        ("start_deadline", None if policy.start_deadline_ms is None else policy.start_deadline_ms / 1000),
        ("overlap", policy.overlap),
        ("jitter", None if policy.jitter_ms is None else policy.jitter_ms / 1000),
        ("history", policy.history),
    ):
        object.__setattr__(rules, name, value)  # the instance is frozen
    return rules


def phase_of(raw_id: bytes, interval_ms: int) -> int:
    """Return the phase of a spread task, in ms; it is the same in every process."""
    return zlib.crc32(raw_id) * interval_ms >> 32


def _check_once(policy: Policy) -> None:
    for name, given in (
        ("missed", policy.missed != "once"),
        ("until", policy.until_ms is not None),
        ("max_runs", policy.max_runs is not None),
        ("overlap", policy.overlap != "skip"),
        ("jitter", policy.jitter_ms is not None),
    ):
        if given:
            raise InvalidValue(name, "needs an interval or a cron expression: a task without runs once")


def _check_overlap(policy: Policy, *, fixed_delay: bool) -> None:
    if fixed_delay:
        raise InvalidValue("overlap", "must be 'skip' with repeat='delay': a delay begins when a run ends")
    if policy.missed == "all":
        raise InvalidValue("overlap", "must be 'skip' with missed='all': each occurrence runs anyway")


def _check_jitter(jitter_ms: int, interval_ms: int | None, grid_ms: int, *, fixed_delay: bool) -> None:
    if fixed_delay:
        raise InvalidValue("jitter", "needs a grid: it cannot be combined with repeat='delay'")
    if grid_ms > 1:
        raise InvalidValue("jitter", NEEDS_EXACT_TIMES)
    if interval_ms is not None and jitter_ms >= interval_ms:
        raise InvalidValue(
            "jitter", f"must be shorter than the interval of {interval_ms / 1000:g} s, got {jitter_ms / 1000:g} s"
        )


def _count(field: str, value: object, at_least: int, at_most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(field, f"must be a whole number, not {type(value).__name__}")
    if not at_least <= value <= at_most:
        raise InvalidValue(field, f"must be from {at_least} to {at_most}, got {value}")
    return value


def _span(field: str, value: object) -> int:
    seconds = check_seconds(field, value)
    if seconds < 0.001:
        raise InvalidValue(field, f"must be from 0.001 seconds to ten years, got {seconds}")
    return to_ms(seconds)


def check_group(field: str, value: object) -> str:
    """Return the name of a group."""
    raw = check_name(field, value)
    text = raw.decode()
    if len(raw) > MAX_GROUP_BYTES:
        raise InvalidValue(field, f"must be at most {MAX_GROUP_BYTES} bytes, got {len(raw)}")
    if ";" in text or not text.isprintable():
        raise InvalidValue(field, f"must not contain ';' or control characters, got {text!r}")
    return text


#: The rules of a task that asks for none.
NO_RULES: Final = Rules()
