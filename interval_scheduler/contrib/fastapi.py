"""FastAPI: the lifespan of Starlette, and the scheduler as a dependency."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from .. import Scheduler
from .starlette import lifespan, scheduler_of

__all__ = ["SchedulerDep", "lifespan", "scheduler_of"]


async def _scheduler(connection: HTTPConnection) -> Scheduler:
    """Return the scheduler of the application; a coroutine function, so that no thread is needed for it."""
    return scheduler_of(connection)


SchedulerDep = Annotated[Scheduler, Depends(_scheduler)]
"""The scheduler of the application, as the annotation of a parameter: `async def assign(scheduler: SchedulerDep)`.

It is there for requests and for web sockets, in routers, in other dependencies, and in applications that are mounted.
"""
