"""Web frameworks: a worker or a scheduler that lives as long as the application serves.

Each framework has a module of its own, so that only the one that you import has to be installed:

| module | what it has |
|---|---|
| `contrib.fastapi` | `lifespan`, `SchedulerDep` |
| `contrib.starlette` | `lifespan`, `scheduler_of` |
| `contrib.aiohttp` | `cleanup_context`, `SCHEDULER` |
| `contrib.litestar` | `lifespan`, `scheduler_of` |
| `contrib.asgi` | `with_scheduler`, `scheduler_of`: for applications without a lifespan, such as those of Django |
"""
