"""The root of the dashboard: the path in front of its own paths.

Servers, frameworks and proxies disagree about it. A proxy cuts the front off or leaves it; a server puts it back or
does not; a framework that mounts an application says the whole `root_path`, of which the path may have a tail only::

    root_path      path               own path
    /a/b           /a/b/tasks         /tasks      nothing was cut off, or the server has put it back
    /a/b           /tasks             /tasks      a proxy has cut it off
    /a/b/schedule  /schedule/tasks    /tasks      a proxy has cut the front off, and the application is mounted

So the longest tail of the root with which a path begins is taken off.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


def own_path(root: str, path: str) -> str:
    """Return the path inside of the dashboard, which begins with a slash; `""` for the root without one."""
    names = root.strip("/").split("/") if root.strip("/") else []
    for start in range(len(names)):
        tail = "/" + "/".join(names[start:])
        if path == tail or path.startswith(f"{tail}/"):
            return path[len(tail) :]
    return path


def root_of(scope: Scope) -> str:
    """Return the path of the dashboard as it stands in a URL, without a slash at its end."""
    return quote(scope.get("root_path", "").rstrip("/"))


def url_of(request: Request, *, without: str) -> str:
    """Return the path and query of a request, without one of its values.

    Args:
        request: the request.
        without: the name of that value.
    """
    query = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != without])
    path = root_of(request.scope) + request.scope["path"].removeprefix(request.scope["root_path"])
    return f"{path}{'?' if query else ''}{query}"


class Rooted:
    """Gives an application paths that begin with the whole root.

    Args:
        app: the application.
        root: the path of the dashboard, if its server does not say it. Default: the server does.
    """

    def __init__(self, app: ASGIApp, root: str | None = None) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] in {"http", "websocket"}:
            root = (scope.get("root_path", "") if self._root is None else self._root).rstrip("/")
            own = own_path(root, scope["path"])
            scope = {**scope, "root_path": root, "path": root + own}
            if not own:  # without the slash, relative links would miss the root
                query = scope["query_string"].decode("latin-1")
                await RedirectResponse(f"{root_of(scope)}/{'?' if query else ''}{query}")(scope, receive, send)
                return
        await self._app(scope, receive, send)
