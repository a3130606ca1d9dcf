"""Errors of runs in Sentry, each with the task that it is about, and nothing of one run in the report of another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.integrations.redis import RedisIntegration

from interval_scheduler import Retry, TaskRun


def start(dsn: str, **options: Any) -> None:
    """Call this once, before the worker runs."""
    sentry_sdk.init(
        dsn,
        # It would note each request of the library, which are many, and payloads too with send_default_pii.
        disabled_integrations=[RedisIntegration()],
        # Payloads are among the local variables of an executor. Leave this out if Sentry may have them.
        include_local_variables=False,
        **options,
    )
    # The library logs each failed run as well: one report of each is enough.
    ignore_logger("interval_scheduler")


async def reported(run: TaskRun, call: Callable[[], Awaitable[None]]) -> None:
    """A hook: `worker.around(reported)`."""
    with sentry_sdk.isolation_scope() as scope:
        scope.set_tag("task", run.id)
        scope.set_context("run", {"attempt": run.attempt, "lag": run.lag, "partition": run.partition})
        try:
            await call()
        except Retry:
            raise  # asked for by the executor: no error
        except Exception as error:
            sentry_sdk.capture_exception(error)
            raise
