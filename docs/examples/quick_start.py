"""Three feeds, each refreshed every half second, with no server: `python docs/examples/quick_start.py`."""

import asyncio

from interval_scheduler import IntervalTask, Scheduler, current_run


async def refresh_feed(user: str) -> None:
    print(f"refreshing the feed of {user}, {1000 * current_run().lag:.1f} ms after it was due")


async def main() -> None:
    # memory:// is the embedded engine; in production: redis://localhost:6379/0, and one URL more a partition
    async with Scheduler.from_url("memory://") as scheduler:
        for user in ("ada", "grace", "edsger"):
            await scheduler.assign_task(IntervalTask(f"user:{user}", user, every=0.5))
        await scheduler.start_task_execute(refresh_feed)
        await asyncio.sleep(1.8)  # a service would serve meanwhile
        await scheduler.remove_task("user:ada")
        print(f"{await scheduler.task_size()} feeds are left under schedule")


if __name__ == "__main__":
    asyncio.run(main())
