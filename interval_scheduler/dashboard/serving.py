"""Serves requests: asks who may what, reads or acts, and answers."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from .. import Scheduler, SchedulerError, acting_as
from . import returning
from .answers import Answers, Html, wants_json
from .counts import Counts
from .forms import read_form
from .guard.access import Access, Level, includes, level_of
from .guard.actors import Actor, actor_of
from .guard.guests import CannotTell, answer_of
from .guard.origins import is_own
from .guard.roots import root_of, url_of
from .keeping import Kept
from .look import Look, Redact
from .page import Action, Again, BadQuery, Download, NotThere, Page, View
from .problems import Problem, problem_of
from .seen import queue_of
from .sharing import Shared

Handler = Callable[[Request], Awaitable[Response]]

#: Seconds for which what was read answers others who ask for the same: as long as the script of a page waits before it
#: asks again, so that many tabs read no more often than one.
_SHARED_SECONDS: Final = 2.0
#: Seconds for which the names of the queues are used; one that is not among them is looked for at once.
_QUEUES_SECONDS: Final = 5.0

_log = logging.getLogger("interval_scheduler.dashboard")


@dataclasses.dataclass
class _Seen:
    """A page as all see it who ask for it at about the same time.

    Attributes:
        look: the first of their requests.
        view: the view that was read for it.
        html: the page as it is sent; `None` until somebody asks for it. To make it takes longer than to read many a
            view, and open pages ask for it again and again.
    """

    look: Look
    view: View
    html: Html | None = None


class Site:
    """One dashboard.

    Args:
        scheduler: the scheduler of the namespace.
        access: says what the sender of a request may do.
        actor: names the sender of a request; `None`: the user that a middleware found, else the address of the client.
        redact: changes payloads before they are shown.
        answers: makes the answers.
    """

    def __init__(
        self, scheduler: Scheduler, access: Access, actor: Actor | None, redact: Redact | None, answers: Answers
    ) -> None:
        self._scheduler = scheduler
        self._access = access
        self._actor = actor
        self._redact = redact
        self._answers = answers
        self._views: Shared[_Seen] = Shared(_SHARED_SECONDS)
        self._queues: Shared[tuple[str, ...]] = Shared(_QUEUES_SECONDS)
        self._known_queues: tuple[str, ...] = ()
        self._kept = Kept()

    def page(self, page: Page) -> Handler:
        """Make the handler of a page."""

        async def show(request: Request, look: Look) -> Response:
            seen, said = await self._read(page, look), returning.kept(request)
            if said is not None:
                shown = said if said.words else None  # words are for one reader, so this page is not kept
                response = self._answers.html(seen.look, page, seen.view, said=shown).answer()
                returning.forget(response, look.root)
                return response
            if seen.html is None:
                seen.html = self._answers.html(seen.look, page, seen.view)
            if seen.html.tag == request.headers.get("if-none-match"):
                return Response(status_code=304, headers={"ETag": seen.html.tag})
            return seen.html.answer()

        return self._handler(page.level, show, as_json=False)

    def twin(self, page: Page) -> Handler:
        """Make the handler of the JSON twin of a page."""

        async def show(_: Request, look: Look) -> Response:
            return self._answers.json((await self._read(page, look)).view)

        return self._handler(page.level, show, as_json=True)

    def download(self, download: Download) -> Handler:
        """Make the handler of a file."""

        async def give(_: Request, look: Look) -> Response:
            return self._answers.attachment(await download.read(look))

        return self._handler("read", give, as_json=False)

    def action(self, action: Action) -> Handler:
        """Make the handler of an action."""

        async def act(request: Request, look: Look) -> Response:
            form = await read_form(request)
            back = returning.checked_back(form.get("back"), look.root)
            request.state.back = back  # for the page of an error
            if form.get("queue", "") not in {"", look.queue}:  # `access` sees the URL, and never the form
                raise BadQuery("The queue of an action stands in its URL: /do/...?queue=NAME.")
            with acting_as(await answer_of(lambda: actor_of(self._actor, request), "actor")):
                try:
                    outcome = await action.do(look, form)
                finally:
                    # Who acts sees what came of it, also where it is not known.
                    self._views.forget()
                    self._kept.the(Counts).forget(look.queue)
            if isinstance(outcome, Again):
                return self._answers.html(look, outcome.page, outcome.view).answer(outcome.status)
            if wants_json(request):
                return JSONResponse({"done": outcome.is_good, "words": outcome.words}, 200 if outcome.is_good else 409)
            response = RedirectResponse(back, 303)
            returning.keep(response, outcome, request, look.root)
            return response

        return self._handler(action.level, act, as_json=None)

    async def _read(self, page: Page, look: Look) -> _Seen:
        """Read the view of a page, or share one that is as good. Its links have those values that the page asks for."""
        query = {name: look.query[name] for name in page.asks if name in look.query}
        look = dataclasses.replace(look, query=query)

        async def read() -> _Seen:
            return _Seen(look, await page.read(look))

        if not page.is_shared:
            return await read()
        key = (page.name, look.queue, bool(look.queues), look.level, look.root, tuple(query.items()))
        return await self._views.get(key, read)

    def _handler(
        self, wanted: Level, handle: Callable[[Request, Look], Awaitable[Response]], *, as_json: bool | None
    ) -> Handler:
        async def handler(request: Request) -> Response:
            root = root_of(request.scope)
            is_json = wants_json(request) if as_json is None else as_json
            look: Look | None = None
            try:
                queue = _queue_in(request)
                if queue == "":
                    return RedirectResponse(url_of(request, without="queue"), 303)
                level = await answer_of(lambda: level_of(self._access, request), "access")
                if not includes(level, wanted):
                    return self._answers.problem(403, _words_for(level, wanted), as_json=is_json, root=root)
                if request.method == "POST" and not is_own(request.headers, request.url.scheme):
                    words = "The browser does not say that this comes from a page of the dashboard."
                    return self._answers.problem(403, words, as_json=is_json, root=root)
                sees_all = queue is None or (not is_json and await self._may_see_namespace(request))
                look = await self._look(request, level, root, sees_all=sees_all)
                look = await self._for_queue(look, queue, sees_all=sees_all)
                return await handle(request, look)
            except HTTPException as error:  # of the application: it sends the reader to its own sign-in, for example
                if error.status_code in {204, 304}:  # they have no body
                    return Response(status_code=error.status_code, headers=error.headers)
                problem, headers = Problem(error.status_code, error.detail), error.headers
            except Exception as error:  # noqa: BLE001 - nothing of it is shown; its traceback is logged
                problem, headers = problem_of(error), None
                if problem.is_unexpected:
                    _log.exception("a request for %r failed", request.scope["path"])
            return self._answers.problem(
                problem.status,
                problem.words,
                as_json=is_json,
                look=look,
                root=root,
                headers=headers,
                back=getattr(request.state, "back", root + "/") if request.method == "POST" else None,
            )

        return handler

    async def _may_see_namespace(self, request: Request) -> bool:
        """Tell if the reader of a queue may see the same page of the namespace, and so the names of all queues."""
        query = url_of(request, without="queue").partition("?")[2]
        whole = Request({**request.scope, "query_string": query.encode()}, request.receive)
        try:
            return includes(await answer_of(lambda: level_of(self._access, whole), "access"), "read")
        except HTTPException:  # it sends the reader of that elsewhere; this one is answered
            return False
        except CannotTell:
            _log.exception("whether the reader of a queue may see the names of all is not known: they are not shown")
            return False

    async def _look(self, request: Request, level: Level, root: str, *, sees_all: bool) -> Look:
        """Return what is asked for, of the namespace; with the queues that are known while nobody can say them.

        Args:
            request: the request.
            level: what the reader may do.
            root: the path of the dashboard.
            sees_all: the reader may see the names of all queues.
        """
        with contextlib.suppress(SchedulerError):  # the page itself says what is missing
            await self._read_queues()
        query, queues = dict(request.query_params), self._known_queues if sees_all else ()
        return Look(self._scheduler, None, queues, query, level, root, datetime.now(UTC), self._redact, self._kept)

    async def _for_queue(self, look: Look, queue: str | None, *, sees_all: bool) -> Look:
        """Return the same for a queue; `None` stands for the namespace itself.

        Raises:
            NotThere: there is no such queue.
            SchedulerError: nobody can say whether there is one.
        """
        if queue is None:
            return look
        if queue not in self._known_queues:
            self._queues.forget()
            if queue not in await self._read_queues():
                raise NotThere(f"There is no queue {queue!r}.")
            look = dataclasses.replace(look, queues=self._known_queues if sees_all else ())
        return dataclasses.replace(look, scheduler=queue_of(self._scheduler, queue), queue=queue)

    async def _read_queues(self) -> tuple[str, ...]:
        async def read() -> tuple[str, ...]:
            return tuple(await self._scheduler.queues())

        self._known_queues = await self._queues.get(None, read)
        return self._known_queues


def _queue_in(request: Request) -> str | None:
    """Return the queue that a URL names; `None` if it names none, and `""` for a page whose URL is to name none.

    Raises:
        BadQuery: it names two, of which `access` may judge by the other one; or an action names an empty one: for
            `access` that is the name of a queue, but it would mean the namespace.
    """
    named = request.query_params.getlist("queue")
    if len(named) > 1:
        raise BadQuery("The URL names more than one queue.")
    if named == [""] and request.method == "POST":
        raise BadQuery("The queue in the URL has no name. Leave it out for the namespace itself.")
    return named[0] if named else None


def _words_for(level: Level, wanted: Level) -> str:
    if level == "none":
        return "You may not see this."
    return f"You may not do this: it needs the level {wanted}, and yours is {level}."
