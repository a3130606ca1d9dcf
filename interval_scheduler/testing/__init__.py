"""Help for tests of applications: a clock that the test moves, and runs of its making.

```python
async with time_machine() as clock:
    scheduler = clock.scheduler()
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("report", every=3600))
    await clock.advance(hours=24)  # the executor ran 25 times
```

While a time machine is open, its time stands still unless the test moves it. `advance` goes from one timer to the
next, and at each timer runs everything that can run: schedules, leases, time-outs and `asyncio.sleep` in executors, all
in the order in which they would happen, and without waiting. The scripts are the real ones.

**Two times.** Code is *inside* of the machine if its context comes from the one that opened it: the body of the test,
all asyncio tasks, callbacks and threads that this starts, and theirs. All other code is *outside*: asyncio tasks that
were there before, a server of the application, another thread. A context variable tells them apart.

| | inside | outside |
|---|---|---|
| `loop.time()`, `time.time()`, the clock of the library | the machine's | the real one |
| `asyncio.sleep`, `asyncio.timeout`, `anyio.fail_after`, `call_later` | wait for `advance` | fire in real time |
| timers that were set before the machine opened | | fire at their real moment |
| `time.monotonic()`, `datetime.now()` | the real one | the real one |
| `asyncio.to_thread`, `anyio.to_thread`, `run_in_executor` | the clock waits for them | |
| sockets, subprocesses | in real time, nobody waits for them | |

The event loop itself stays in real time: timers from inside go to a heap of the machine's own, and the loop's own heap
keeps the others. When the event loop would sleep, since nothing can run at the moment, the machine fires the next of
its timers, if somebody asks for it: `advance`, `drain` and `run`, or a call of a scheduler that waits for runs. Timers
that are left when the machine closes go on in real time, with what remains of their time.

A time machine needs the extra `memory`, and asyncio's own event loop, since uvloop's clock cannot be moved.
"""

from .fake import fake_run
from .machine import START, TimeMachine, time_machine

__all__ = ["START", "TimeMachine", "fake_run", "time_machine"]
