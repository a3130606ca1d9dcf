"""Serves requests: asks who may what, reads or acts, and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .. import NotConnected, PartitionOffline, Scheduler, SchedulerError
from .answers import Answers
from .guard.access import Access, Level, includes, level_of
from .look import Look, Redact
from .page import Action, BadQuery, NotThere, Page

Handler = Callable[[Request], Awaitable[Response]]

_LONGEST_FORM: Final = 1 << 20


class Site:
    """One dashboard.

    Args:
        scheduler: the scheduler of the namespace.
        access: says what the sender of a request may do.
        redact: changes payloads before they are shown.
        answers: makes the answers.
    """

    def __init__(self, scheduler: Scheduler, access: Access, redact: Redact | None, answers: Answers) -> None:
        self._scheduler = scheduler
        self._access = access
        self._redact = redact
        self._answers = answers

    def page(self, page: Page) -> Handler:
        """Make the handler of a page."""

        async def show(_: Request, look: Look) -> Response:
            return self._answers.html(look, page, await page.read(look), said=None)

        return self._handler("read", show, as_json=False)

    def twin(self, page: Page) -> Handler:
        """Make the handler of the JSON twin of a page."""

        async def show(_: Request, look: Look) -> Response:
            return self._answers.json(await page.read(look))

        return self._handler("read", show, as_json=True)

    def action(self, action: Action) -> Handler:
        """Make the handler of an action."""

        async def act(request: Request, look: Look) -> Response:
            form = dict(parse_qsl((await _body(request)).decode(), keep_blank_values=True))
            await action.do(look, form)
            return RedirectResponse(look.url(""), 303)

        return self._handler(action.level, act, as_json=False)

    def _handler(
        self, wanted: Level, handle: Callable[[Request, Look], Awaitable[Response]], *, as_json: bool
    ) -> Handler:
        async def handler(request: Request) -> Response:
            root = request.scope.get("root_path", "")
            level = await level_of(self._access, request)
            if not includes(level, wanted):
                return self._answers.problem(403, "You may not see this.", as_json=as_json, root=root)
            look: Look | None = None
            try:
                look = await self._look(request, level, root)
                return await handle(request, look)
            except NotThere as error:
                return self._answers.problem(404, str(error), as_json=as_json, look=look, root=root)
            except BadQuery as error:
                return self._answers.problem(400, str(error), as_json=as_json, look=look, root=root)
            except (NotConnected, PartitionOffline) as error:
                return self._answers.problem(503, str(error), as_json=as_json, look=look, root=root)
            except SchedulerError as error:
                return self._answers.problem(500, str(error), as_json=as_json, look=look, root=root)

        return handler

    async def _look(self, request: Request, level: Level, root: str) -> Look:
        queues = tuple(await self._scheduler.queues())
        query = dict(request.query_params)
        queue = query.get("queue")
        if queue is not None and queue not in queues:
            raise NotThere(f"There is no queue {queue!r}.")
        scheduler = self._scheduler if queue is None else self._scheduler.queue(queue)
        return Look(scheduler, queue, queues, query, level, root, datetime.now(UTC), self._redact)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise BadQuery("The form is larger than a MiB.")
    return bytes(body)
