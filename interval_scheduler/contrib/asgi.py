"""Plain ASGI: a lifespan around an application that has none, such as that of Django.

::

    server ── lifespan.startup ──▶ open the source ──▶ startup.complete, or startup.failed and the error
           ── http, websocket ───▶ the application, with the scheduler in scope["state"]
           ── lifespan.shutdown ─▶ close the source ─▶ shutdown.complete, or shutdown.failed and the error
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

from .. import Scheduler
from .sources import STATE, Source, check_source, found, opened

__all__ = ["scheduler_of", "with_scheduler"]

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[Any], Awaitable[None]]
_App = Callable[[Any, Any, Any], Awaitable[None]]


def with_scheduler(app: _App, source: Source) -> _App:
    """Give an application a lifespan: it serves with a worker that runs, or with a scheduler that is connected.

    The application gets requests and web sockets, and no lifespan: use it for those that have none.

    Args:
        app: an ASGI application.
        source: a `Worker`, which is run; a `Scheduler`, which is connected and only assigns; or a function without
            arguments that returns an asynchronous context manager of a scheduler, such as `worker.connected`.

    Returns:
        The ASGI application for the server.

    Raises:
        InvalidType: the source is something else.

    Example:
        ```python
        application = with_scheduler(get_asgi_application(), worker)
        ```
    """
    check_source(source)
    state: dict[str, Scheduler] = {}

    async def application(scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await _live(source, state, receive, send)
        else:
            await app({**scope, "state": {**scope.get("state", {}), **state}}, receive, send)

    return application


def scheduler_of(scope: Mapping[str, Any]) -> Scheduler:
    """Return the scheduler of the application that serves a request; in a view of Django, `request.scope` is the scope.

    Raises:
        NotConnected: the server did not run the lifespan.
    """
    return found(scope.get("state", {}).get(STATE))


async def _live(source: Source, state: dict[str, Scheduler], receive: _Receive, send: _Send) -> None:
    """Carry out the lifespan of one process."""
    stage = "startup"
    try:
        async with AsyncExitStack() as stack:
            await receive()  # lifespan.startup
            state[STATE] = await stack.enter_async_context(opened(source))
            stack.callback(state.clear)
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
            stage = "shutdown"
    except Exception as error:
        await send({"type": f"lifespan.{stage}.failed", "message": f"{type(error).__name__}: {error}"})
        raise
    await send({"type": "lifespan.shutdown.complete"})
