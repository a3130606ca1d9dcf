"""Decides if a run starts, and how it ends. Pure functions."""

from __future__ import annotations

from typing import Final, Literal

from ..model.cron import check_cron
from ..model.ending import Failure
from ..support.text import describe
from .executor import Retry
from .missed import next_run
from .run import TaskRun

Verdict = Literal["run", "run alone", "pass over", "crashes", "late"]

LONGEST_BACKOFF_MS: Final = 3_600_000


def judge(run: TaskRun, now: float, max_crashes: int) -> Verdict:
    """Decide if a run that has begun is carried out.

    It is passed over if its occurrence was missed and its task skips missed ones. It is not carried out if
    `max_crashes` deliveries ended without a result, or if it is too late for its lease. From half of `max_crashes` on
    it runs alone: it may be what kills the process, and runs that die with it would be charged a crash too.

    Args:
        run: the run.
        now: monotonic seconds.
        max_crashes: how many deliveries of an occurrence may end without a result.

    Raises:
        InvalidValue: this process cannot work out when its task runs next.
    """
    policy = run.policy
    if policy.needs_lease and now > run.start_by:
        return "late"
    if policy.cron is not None:
        # Without its library, the next occurrence cannot be told: the run would come again with each lease.
        check_cron(policy.cron, policy.zone or "UTC")
    crashes = run.attempt - 1 - policy.retries
    if crashes >= max_crashes:
        return "crashes"
    if policy.missed == "skip" and _following_ms(run) <= run.claimed_at_ms:
        return "pass over"
    return "run alone" if crashes >= max(1, max_crashes // 2) else "run"


def _following_ms(run: TaskRun) -> int:
    """Return when the occurrence after that of a run is due, in epoch ms."""
    cron = run.policy.cron
    if cron is not None:
        return next_run(cron, run.policy.zone or "UTC", run.due_ms, run.due_ms, each_missed=False)
    return run.due_ms + int(run.header.split(b" ", 2)[1])


def ending_header(run: TaskRun, now_ms: int, *, ran: bool = True) -> bytes:
    """Return the header by which a run ends.

    It has the next due time if the scripts cannot work that out, and no count of runs if the run was passed over.
    """
    policy = run.policy
    header = run.header
    if not ran and policy.max_runs is not None:
        header = header.replace(b";n%d" % policy.max_runs, b"", 1)
    if policy.cron is not None:
        each_missed = policy.missed == "all"
        next_ms = next_run(policy.cron, policy.zone or "UTC", run.due_ms, now_ms, each_missed=each_missed)
        header += b";@%d" % next_ms
    return header


def failure(run: TaskRun, error: BaseException, now_ms: int, jitter: float) -> Failure:
    """Build the request that ends a failed run.

    Args:
        run: the run.
        error: what its executor raised.
        now_ms: the server's clock, epoch ms.
        jitter: from 0 to 1; how much of half the delay is taken off.
    """
    charge, retry_ms = True, None
    if isinstance(error, Retry):
        charge, retry_ms = False, max(1, round(1000 * error.after))
    elif run.attempt <= run.policy.retries:
        longest = min(run.policy.backoff_ms * 2 ** min(run.attempt - 1, 40), LONGEST_BACKOFF_MS)
        retry_ms = max(1, round(max(longest, run.policy.backoff_ms) * (1 - jitter / 2)))
    return Failure(run.raw_id, run.lease, ending_header(run, now_ms), retry_ms, charge, describe(error))
