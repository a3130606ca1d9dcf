"""Workers: one binds executors to queues, and is what a process runs.

```python
from interval_scheduler.worker import Worker

worker = Worker("redis://localhost:6379/0", namespace="app")


@worker.executor("mail", concurrency=5)
async def send_mail(mail: Mail) -> None: ...


asyncio.run(worker.run())
```
"""

from .kind import Kind
from .worker import Worker

__all__ = ["Kind", "Worker"]
