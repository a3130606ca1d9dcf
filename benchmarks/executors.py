"""What a worker under measurement does with its runs: nothing, wait, or use the processor; and what it counts."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from interval_scheduler import TaskRun, current_run

#: A payload that begins so asks for nothing, whatever the others ask for.
QUICK = "quick"
_SHOWN = ("50", "99", "99.9")
_MOST_LAGS = 20_000


class Counted:
    """The runs so far, and their lags by the kinds of their payloads, if these are kept."""

    def __init__(self) -> None:
        self.runs = 0
        self.lags: defaultdict[str, list[float]] = defaultdict(list)

    def reset(self) -> None:
        """Forget all."""
        self.runs = 0
        self.lags.clear()

    def report(self) -> dict[str, Any]:
        """Return the number of runs, and how late they began: all together, and each kind."""
        lags = sorted(lag for kind in self.lags.values() for lag in kind)
        report: dict[str, Any] = {"runs": self.runs, "lags": lags[:: max(1, len(lags) // _MOST_LAGS)]}
        if lags:
            report["lag_max"] = lags[-1]
            report["lag_p"] = percentiles(lags)
            report["lag_p_of"] = {kind: percentiles(sorted(found)) for kind, found in self.lags.items()}
        return report


def percentiles(ascending: Sequence[float], shown: Sequence[str] = _SHOWN) -> dict[str, float]:
    """Return the values below which so many of a hundred are."""
    return {p: ascending[min(len(ascending) - 1, int(len(ascending) * float(p) / 100))] for p in shown}


def burn(seconds: float) -> None:
    """Use the processor for so long; the time in which others have it does not count."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def executor(
    counted: Counted,
    *,
    keep_lags: bool = False,
    batch: int | None = None,
    round_trip: float = 0,
    work: float = 0,
) -> Callable[[Any], Awaitable[None]]:
    """Make one.

    Args:
        counted: what its runs are counted in.
        keep_lags: whether their lags are kept.
        batch: the most runs of a call; `None` for single runs.
        round_trip: the seconds that each call waits.
        work: the seconds of processor time that each run uses.
    """

    async def count(_: str) -> None:
        counted.runs += 1

    async def count_with_lag(_: str) -> None:
        counted.lags[""].append(current_run().lag)
        counted.runs += 1

    async def ask_for_all(runs: list[TaskRun]) -> None:
        await asyncio.sleep(round_trip)  # the executor waits so long, as it is to be measured
        counted.runs += len(runs)

    async def toil(data: str) -> None:
        is_quick = data.startswith(QUICK)
        if keep_lags:
            counted.lags[QUICK if is_quick else "work"].append(current_run().lag)
        if not is_quick:
            burn(work)
            if round_trip:
                await asyncio.sleep(round_trip)  # likewise
        counted.runs += 1

    if batch is not None:
        return ask_for_all
    if work or round_trip:
        return toil
    return count_with_lag if keep_lags else count
