"""The dashboard as an ASGI application. It needs no lifespan, so that it can be mounted anywhere.

::

    request ─▶ host known? ─▶ not too many wrong tokens? ─▶ signed in? ─▶ level ─▶ page or action ─▶ answer ─▶ headers
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from .. import InvalidType, Scheduler
from .answers import STATIC, Answers
from .guard.access import Access, check_access
from .look import Redact
from .registry import ACTIONS, PAGES
from .serving import Site


def dashboard(
    scheduler: Scheduler,
    *,
    access: Access,
    redact: Redact | None = None,
    allowed_hosts: Sequence[str] = (),  # noqa: ARG001 - the guard of hosts follows
    title: str = "interval_scheduler",
) -> ASGIApp:
    """Make the dashboard of a namespace and its queues, to be mounted in an application or served alone.

    Args:
        scheduler: the scheduler of the namespace, which somebody else connects and closes. Until it is connected the
            pages say so.
        access: says for each request what its sender may do; see `Level`.
        redact: changes payloads before they are shown. Default: they are shown as they are, up to 64 KiB.
        allowed_hosts: the names in the header `Host` that are answered. Default: all, as the application that it is
            mounted in is the one to decide that.
        title: the name in the head of each page.

    Raises:
        InvalidType: an argument is something else.

    Example:
        ```python
        async def access(request: Request) -> Level:
            return "operate" if request.user.is_staff else "none"

        app.mount("/schedule", dashboard(scheduler, access=access))
        ```
    """
    if not isinstance(scheduler, Scheduler):
        raise InvalidType("scheduler", f"must be a Scheduler, not {type(scheduler).__name__}")
    check_access(access)
    site = Site(scheduler, access, redact, Answers(PAGES, title))
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=STATIC), name="static")]
    for page in PAGES:
        routes.append(Route(f"/{page.name}", site.page(page), methods=["GET"]))
        routes.append(Route(f"/{page.name or 'overview'}.json", site.twin(page), methods=["GET"]))
    routes.extend(Route(f"/do/{action.name}", site.action(action), methods=["POST"]) for action in ACTIONS)
    return Starlette(routes=routes)
