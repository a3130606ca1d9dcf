"""The process of one scheduler of the demo: `python -m interval_scheduler.cli.demo.worker`.

It reads its plan from the first line of the standard input, so that no password stands in the list of processes, tells
each run as a line, and stops when the standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys

from .schedulers import Plan, Refresh, Run


async def work(plan: Plan) -> None:
    """Run tasks until the standard input ends."""

    def report(run: Run) -> None:
        # Unbuffered, so that a kill loses no report of a run that ended.
        os.write(1, " ".join(map(str, run)).encode() + b"\n")

    async with plan.scheduler() as scheduler:
        await scheduler.start_task_execute(Refresh(report))
        os.write(1, b"ready\n")
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logging.getLogger("interval_scheduler").setLevel(logging.CRITICAL)  # the demo tells of kills and their effects
    asyncio.run(work(Plan(**json.loads(sys.stdin.readline()))))
