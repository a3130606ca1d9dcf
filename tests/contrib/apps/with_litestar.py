"""Litestar."""

from __future__ import annotations

from litestar import Litestar, put
from litestar.datastructures import State

from interval_scheduler.contrib.litestar import lifespan, scheduler_of
from tests.contrib.apps.ledger import work, worker


@put("/tasks/{name:str}")
async def assign(name: str, state: State) -> bool:
    return await scheduler_of(state).assign_task(work.task(name, name))


app = Litestar([assign], lifespan=[lifespan(worker)])
