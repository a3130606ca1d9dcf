"""Puts a run together: the supervisor, what tells health, and what notices changes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from .answerer import Answerer
from .health import Probes
from .listening import listening
from .reloading import check_reload, watch
from .spec import Spec
from .supervisor import Supervisor


async def run_processes(spec: Spec, count: int, *, health: str | None = None, reload: Path | None = None) -> int:
    """Run worker processes until a signal ends them, and return the exit code.

    Args:
        spec: what each of them runs.
        count: the number of processes.
        health: the address at which health is told; `None`: nowhere.
        reload: the folder whose changes replace the processes; `None`: none.

    Raises:
        Ended: the address cannot be used, or a package is missing.
    """
    supervisor = Supervisor(spec, count)
    async with AsyncExitStack() as stack:
        if health is not None:
            listener = stack.enter_context(listening(health))
            await stack.enter_async_context(Answerer(Probes(supervisor).answer).serving(listener))
        if reload is not None:
            check_reload()
            watching = asyncio.create_task(watch(reload, supervisor.renew))
            stack.push_async_callback(asyncio.wait, [watching])
            stack.callback(watching.cancel)
        return await supervisor.run()
