"""FastAPI."""

from __future__ import annotations

from fastapi import FastAPI

from interval_scheduler.contrib.fastapi import SchedulerDep, lifespan
from tests.contrib.apps.ledger import work, worker

app = FastAPI(lifespan=lifespan(worker))


@app.put("/tasks/{name}")
async def assign(name: str, scheduler: SchedulerDep) -> bool:
    return await scheduler.assign_task(work.task(name, name))
