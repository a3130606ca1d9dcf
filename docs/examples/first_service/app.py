"""The service, which assigns and executes nothing: `uvicorn app:app`."""

from fastapi import FastAPI
from tasks import refresh_feed, worker

from interval_scheduler.contrib.fastapi import SchedulerDep, lifespan

app = FastAPI(lifespan=lifespan(worker.connected))


@app.put("/feeds/{user}")
async def subscribe(user: str, every: float) -> dict[str, bool]:
    return {"new": await refresh_feed.assign(f"user:{user}", user, every=every)}


@app.get("/feeds/{user}")
async def show(user: str, scheduler: SchedulerDep) -> dict[str, object]:
    task = await scheduler.get_task(f"user:{user}")
    return {"scheduled": task is not None, "next_run": task and task.next_run_at}


@app.delete("/feeds/{user}")
async def unsubscribe(user: str) -> dict[str, bool]:
    return {"removed": await refresh_feed.remove(f"user:{user}")}
