"""Runs of a worker with the hook of docs/examples/sentry_hook.py: what Sentry would have got, as lines of JSON.

`python with_sentry.py URL NAMESPACE FOLDER`, where FOLDER has the hook. Twenty runs at once fail, and twenty do not.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from interval_scheduler import Retry, current_run
from interval_scheduler.worker import Worker

url, namespace, folder = sys.argv[1:4]
events: list[Any] = []


class Kept(Transport):
    """Keeps what would be sent."""

    def capture_envelope(self, envelope: Envelope) -> None:
        events.append(envelope.get_event())


sys.path.insert(0, folder)
hook = importlib.import_module("sentry_hook")
# As in production, but for the transport: with the integrations that Sentry turns on by itself.
hook.start("https://key@sentry.invalid/1", transport=Kept)
worker = Worker(url, namespace=namespace, concurrency=50)
worker.around(hook.reported)
all_here, tags_before = asyncio.Barrier(40), list[Any]()


@worker.executor
async def work(name: str) -> None:
    # What is set before belongs to this run, or some run left it behind.
    tags_before.append((current_run().id, dict(sentry_sdk.get_isolation_scope()._tags)))
    sentry_sdk.set_tag("seen", name)
    sentry_sdk.add_breadcrumb(message=f"crumb of {name}")
    await all_here.wait()
    if name.startswith("bad"):
        raise ValueError(f"failure of {name}")
    raise Retry(after=3600)


async def main() -> None:
    async with worker.running() as scheduler:
        failed = asyncio.Event()
        errors: list[object] = []

        def note(run: object, error: object) -> None:
            errors.append(error)
            if len(errors) == 20:
                failed.set()

        scheduler.on("run-error", note)
        for n in range(20):
            await work.assign(f"bad-{n}", f"bad-{n}")
            await work.assign(f"again-{n}", f"again-{n}", retries=1)
        await asyncio.wait_for(failed.wait(), 60)
    sentry_sdk.flush()
    left = {**sentry_sdk.get_isolation_scope()._tags, **sentry_sdk.get_current_scope()._tags}
    sys.stdout.write(json.dumps({"events": events, "before": tags_before, "left": left}))


asyncio.run(main())
