"""Decides if a run starts, and how it ends. Pure functions."""

from __future__ import annotations

from typing import Final, Literal

from ..errors import BadPayload, RunTimeout, TooManyCrashes
from ..model.coming import occurrence_after
from ..model.cron import check_cron
from ..model.ending import Failure
from ..model.jitter import latest_cron, next_due_cron, put_off_cron
from ..model.past import Outcome, tell
from ..support.text import describe
from .executor import Retry
from .missed import next_run
from .run import TaskRun

Verdict = Literal["run", "run alone", "pass over", "crashes", "late", "skip"]

LONGEST_BACKOFF_MS: Final = 3_600_000


def judge(run: TaskRun, now: float, max_crashes: int) -> Verdict:
    """Decide if a run that has begun is carried out.

    It is passed over if its occurrence was missed and its task skips missed ones; it is skipped if it starts too late
    for the deadline of its task. It is not carried out if `max_crashes` deliveries ended without a result, or if it is
    too late for its lease. A suspect runs alone: runs that die with it would be charged a crash too.

    Args:
        run: the run.
        now: monotonic seconds.
        max_crashes: how many deliveries of an occurrence may end without a result.

    Raises:
        Exception: this process cannot work out when its task runs next, for any reason. The run must not begin, since
            it could not end.
    """
    policy = run.policy
    if policy.needs_lease and now > run.start_by:
        return "late"
    if policy.cron is not None:
        check_cron(policy.cron, policy.zone or "UTC")  # its errors have the better words
        run.planned_ms = _next_ms(run, run.server_now_ms(now))
    crashes = run.charged - policy.retries
    if crashes >= max_crashes:
        return "crashes"
    if is_too_late(run, now):
        return "skip"
    if policy.missed == "skip" and _following_ms(run) <= run.claimed_at_ms:
        return "pass over"
    return "run alone" if is_suspect(run, max_crashes) else "run"


def is_suspect(run: TaskRun, max_crashes: int) -> bool:
    """Tell if a run that has begun may be what processes die of: half of `max_crashes` deliveries had no result."""
    return run.charged - run.policy.retries >= max(1, max_crashes // 2)


def is_too_late(run: TaskRun, now: float) -> bool:
    """Tell if a run that starts at a monotonic moment starts after the deadline of its task, by the server's clock."""
    deadline_ms = run.policy.start_deadline_ms
    return deadline_ms is not None and run.server_now_ms(now) > run.due_ms + deadline_ms


def _following_ms(run: TaskRun) -> int:
    """Return when the occurrence after that of a run is due, in epoch ms."""
    _, *numbers = run.header.partition(b";")[0].split()
    interval_ms, phase_ms = (int(numbers[0]), int(numbers[1])) if numbers else (None, 0)
    return occurrence_after(run.policy, run.raw_id, interval_ms, phase_ms, run.due_ms)


def _next_ms(run: TaskRun, now_ms: int) -> int:
    """Return when the task of a run with a cron expression is due next, in epoch ms."""
    policy = run.policy
    assert policy.cron is not None  # noqa: S101 - for the type checker
    if policy.missed != "all":
        return next_due_cron(policy, run.raw_id, run.due_ms, max(run.due_ms, now_ms))
    missed_ms = next_run(policy.cron, policy.zone or "UTC", run.due_ms, now_ms, each_missed=True)
    return put_off_cron(policy, run.raw_id, missed_ms)


def _still_next_ms(run: TaskRun, now_ms: int) -> int:
    """Return the same at the end of a run. What was known when it began holds, unless that moment has passed."""
    planned_ms: int | None = getattr(run, "planned_ms", None)
    if planned_ms is None:
        return _next_ms(run, now_ms)
    if planned_ms > now_ms:
        return planned_ms
    try:
        if run.policy.overlap == "once" and (latest := latest_cron(run.policy, run.raw_id, now_ms)) is not None:
            return latest[1]  # it came while the run went on
        return _next_ms(run, now_ms)
    except Exception:  # noqa: BLE001 - what it needs is gone since: the run ends all the same, and the next one is put off
        return planned_ms


def ending_header(
    run: TaskRun, now_ms: int, *, ran: bool = True, ended: Outcome = "ok", has_started: bool = True
) -> bytes:
    """Return the header by which a run ends.

    It has the next due time if the scripts cannot work that out, and what is told of the run if the history of the task
    keeps it; but no count of runs if the run was passed over, of which nothing is told. If it did not start, `;~-`
    tells so: the token of its group goes back.
    """
    policy = run.policy
    header = run.header
    if not (ran and has_started):
        header += b";~-"
    if not ran and policy.max_runs is not None:
        header = header.replace(b";n%d" % policy.max_runs, b"", 1)
    if policy.cron is not None:
        header += b";@%d" % _still_next_ms(run, now_ms)
    if policy.history and ran:
        started_ms = run.server_now_ms(run.started_at)
        header += b";~" + tell(started_ms, started_ms - run.due_ms, now_ms - started_ms, ended)
    return header


def ended(error: BaseException) -> Outcome:
    """Return how a run ended that failed, or asked for another attempt."""
    if isinstance(error, Retry):
        return "postponed"
    if isinstance(error, TooManyCrashes):
        return "crashed"
    return "timed out" if isinstance(error, RunTimeout) else "failed"


def failure(run: TaskRun, error: BaseException, now_ms: int, jitter: float, *, has_started: bool = True) -> Failure:
    """Build the request that ends a failed run.

    Args:
        run: the run.
        error: what its executor raised.
        now_ms: the server's clock, epoch ms.
        jitter: from 0 to 1; how much of half the delay is taken off.
        has_started: whether its executor was called.
    """
    charge, retry_ms = True, None
    if isinstance(error, Retry):
        charge, retry_ms = False, max(1, round(1000 * error.after))
    elif run.charged < run.policy.retries and not isinstance(error, BadPayload):
        longest = min(run.policy.backoff_ms * 2 ** min(run.charged, 40), LONGEST_BACKOFF_MS)
        retry_ms = max(1, round(max(longest, run.policy.backoff_ms) * (1 - jitter / 2)))
    header = ending_header(run, now_ms, ended=ended(error), has_started=has_started)
    text = describe(error)
    return Failure(run.raw_id, run.lease, header, retry_ms, charge, text, run.received_at, run.trusted_until)
