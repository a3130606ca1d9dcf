"""The tasks, and the process that executes them: `python tasks.py`."""

import asyncio
import os

from interval_scheduler.worker import Worker

worker = Worker("redis://localhost:6379/0", namespace="first-service", lease_seconds=5)


@worker.executor
async def refresh_feed(user: str) -> None:
    print(f"process {os.getpid()} refreshes the feed of {user}", flush=True)


if __name__ == "__main__":
    asyncio.run(worker.run())
