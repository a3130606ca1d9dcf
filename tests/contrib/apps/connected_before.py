"""FastAPI with a scheduler that was connected when the file was imported, in a process that forks afterwards.

LOOP says what became of the event loop that connected it: `closed`, as `asyncio.run` does, or `open`.
"""

from __future__ import annotations

import asyncio
import os

from fastapi import FastAPI

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.contrib.fastapi import SchedulerDep, lifespan

scheduler = Scheduler.from_url(os.environ["INTERVAL_SCHEDULER_REDIS"], namespace=os.environ["NAMESPACE"])
loop = asyncio.new_event_loop()
loop.run_until_complete(scheduler.start_task_accept())
if os.environ["LOOP"] == "closed":
    loop.close()
app = FastAPI(lifespan=lifespan(scheduler))


@app.put("/tasks/{name}")
async def assign(name: str, its: SchedulerDep) -> bool:
    return await its.assign_task(IntervalTask(name, every=3600))
