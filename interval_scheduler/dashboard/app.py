"""The dashboard as an ASGI application. It needs no lifespan, so that it can be mounted anywhere.

::

    request ─▶ headers of the answer ─▶ host known? ─▶ path inside ─▶ (alone: signed in?) ─▶ level ─▶ page or action
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from .. import InvalidType, Scheduler
from .answers import STATIC, Answers, wants_json
from .guard.access import Access, check_access
from .guard.actors import Actor, check_actor
from .guard.headers import Headers
from .guard.hosts import Hosts, check_hosts
from .guard.roots import Rooted, root_of
from .look import Redact
from .registry import ACTIONS, DOWNLOADS, PAGES
from .serving import Site
from .static_files import CachedFiles


def dashboard(
    scheduler: Scheduler,
    *,
    access: Access,
    actor: Actor | None = None,
    redact: Redact | None = None,
    allowed_hosts: Sequence[str] = (),
    title: str = "interval_scheduler",
) -> ASGIApp:
    """Make the dashboard of a namespace and its queues, to be mounted in an application or served alone.

    Args:
        scheduler: the scheduler of the namespace, which somebody else connects and closes. Until it is connected the
            pages say so.
        access: says for each request what its sender may do; see `Level`. An `HTTPException` of Starlette that it
            raises is the answer, with its headers; after any other error nothing is shown.
        actor: names the sender of a request, for the log of actions; the first 100 printable characters count.
            Default: `request.user` if a middleware has found one, else the address of the client.
        redact: changes payloads before they are shown. Default: they are shown as they are, up to 64 KiB.
        allowed_hosts: the names in the header `Host` that are answered. Default: all, as the application that it is
            mounted in is the one to decide that.
        title: the name in the head of each page.

    Raises:
        InvalidType: an argument is something else.
        InvalidValue: one of `allowed_hosts` is no name of a host.

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
    check_actor(actor)
    answers = Answers(PAGES, title)
    return guarded(pages_of(Site(scheduler, access, actor, redact, answers), answers), check_hosts(allowed_hosts))


def pages_of(site: Site, answers: Answers) -> ASGIApp:
    """Return the pages and actions as an application, without what guards them all."""

    def missing(request: Request, error: Exception) -> Response:
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
        words = "There is no such page." if status == 404 else "This cannot be asked for in this way."
        return answers.problem(status, words, as_json=wants_json(request), root=root_of(request.scope), headers=headers)

    routes: list[BaseRoute] = [Mount("/static", CachedFiles(directory=STATIC))]
    for page in PAGES:
        routes.append(Route(f"/{page.name}", site.page(page), methods=["GET"]))
        routes.append(Route(f"/{page.name or 'overview'}.json", site.twin(page), methods=["GET"]))
    routes.extend(Route(f"/{each.name}", site.download(each), methods=["GET"]) for each in DOWNLOADS)
    routes.extend(Route(f"/do/{action.name}", site.action(action), methods=["POST"]) for action in ACTIONS)
    app = Starlette(routes=routes, exception_handlers={HTTPException: missing})
    app.router.redirect_slashes = False  # it would tell the browser a whole URL, of which a proxy may know better
    return app


def guarded(
    app: ASGIApp,
    allowed_hosts: frozenset[str],
    *,
    root: str | None = None,
    inside: Callable[[ASGIApp], ASGIApp] | None = None,
) -> ASGIApp:
    """Put the guards of every request around an application.

    Args:
        app: the application.
        allowed_hosts: as `check_hosts` returns them.
        root: as for `Rooted`.
        inside: puts one more guard inside of the others. Default: none.
    """
    return Headers(Hosts(Rooted(app if inside is None else inside(app), root), allowed_hosts))
