"""Lets those in who are signed in, and has the others sign in.

::

    cookie of an open session, or `Authorization: Bearer` ─▶ pages
    /?token=… of a link that works once ─▶ cookie, and the same URL without the token
    /?token=… where the token lasts ─▶ the page to sign in, at a URL without the token
    POST /sign-in token=… ─▶ cookie, and back
    else ─▶ the page to sign in (401), or its words as JSON
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..answers import Answers, wants_json
from ..forms import TooLarge, read_form
from ..guard.origins import is_own
from ..guard.roots import root_of, url_of
from ..page import BadQuery
from ..problems import problem_of
from ..returning import checked_back
from .keys import Key
from .sessions import LIFETIME_SECONDS, Sessions
from .tries import WINDOW_SECONDS, Tries

_LINK: Final = "This link was used already, or is an old one. The terminal of the dashboard shows one that works."
_NO_WINDOW: Final = "A link is for a window of a browser that somebody opens, and for nothing else."
_NO_LINK: Final = (
    "A token in a URL stays in histories and logs, so it is not taken. Type it in here, and change it soon."
)
#: Has the page to sign in say so, as a value in its URL.
_LINK_REFUSED: Final = "link"
_WRONG: Final = "This is not the token."
_WAIT: Final = "Too many wrong tokens came from this address. Wait a minute, then try again."
_NO_URL: Final = (
    "A token in a URL stays in histories and logs, so it is not taken. Send it as `Authorization: Bearer`, "
    "and change it soon."
)
_NOBODY: Final = "Nobody is signed in: send the token as `Authorization: Bearer`."
_LINKS_ONLY: Final = "This dashboard opens by a link in a browser alone. Start it with --token-file for programs."
#: What browsers say of a request that is made before somebody opens the page; older ones have older names for it.
_EARLY: Final = ("purpose", "x-purpose", "x-moz")


class Door:
    """Stands in front of the pages.

    Args:
        app: the pages.
        key: tells if a token opens them.
        answers: makes the pages to sign in.
        cookie: the name of the cookie. Cookies of one host are sent to all its ports, so it should name the port.
        sessions: those who are signed in.
        tries: the wrong tokens.
    """

    def __init__(self, app: ASGIApp, key: Key, answers: Answers, cookie: str, sessions: Sessions, tries: Tries) -> None:
        self._app = app
        self._key = key
        self._answers = answers
        self._cookie = cookie
        self._sessions = sessions
        self._tries = tries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = None
        if scope["type"] == "http":
            response = await self._stop(Request(scope, receive))
        await (self._app if response is None else response)(scope, receive, send)

    async def _stop(self, request: Request) -> Response | None:
        """Return the answer for a request that does not go through to the pages, else `None`."""
        path = request.scope["path"].removeprefix(request.scope["root_path"])
        if path.startswith("/static/"):
            return None
        if request.method == "POST" and path in {"/sign-in", "/sign-out"}:
            return await self._take_form(request, path)
        is_inside = self._sessions.is_open(request.cookies.get(self._cookie))
        if request.method != "POST" and "token" in request.query_params:
            return self._follow_link(request, is_inside=is_inside)
        if not is_inside:
            return self._for_program(request) if "authorization" in request.headers else self._for_nobody(request)
        return RedirectResponse(f"{root_of(request.scope)}/", 303) if path == "/sign-in" else None

    async def _take_form(self, request: Request, path: str) -> Response:
        if not is_own(request.headers, request.url.scheme):
            return self._page(request, 403, "The browser does not say that this comes from a page of the dashboard.")
        return await self._sign_in(request) if path == "/sign-in" else self._sign_out(request)

    def _follow_link(self, request: Request, *, is_inside: bool) -> Response:
        """Take the token out of the URL, and open a session for it."""
        root = root_of(request.scope)
        page = checked_back(url_of(request, without="token"), root)
        clean = RedirectResponse(page, 303)
        if is_inside:
            return clean
        if self._key.is_lasting:
            if wants_json(request):
                return self._page(request, 401, _NO_URL)
            # A page at this URL would ask for its style sheet, and send its form, with the token in `Referer`.
            return RedirectResponse(f"{root}/sign-in?{urlencode({'why': _LINK_REFUSED, 'back': page})}", 303)
        if not _opens_window(request):
            return self._page(request, 403, _NO_WINDOW)
        # Any page of the web can lead a window here, again and again: its wrong tokens must not keep the reader out.
        # A right one is of who started the dashboard, wherever the link stands, and nobody can guess 256 bits.
        is_counted = request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        refused = self._try(request, request.query_params["token"], _LINK, is_counted=is_counted)
        return refused or self._with_session(request, clean)

    async def _sign_in(self, request: Request) -> Response:
        try:
            form = await read_form(request)
        except (BadQuery, TooLarge) as error:
            problem = problem_of(error)
            return self._page(request, problem.status, problem.words)
        back = form.get("back")
        refused = self._try(request, form.get("token", "").strip(), _WRONG, back)
        root = root_of(request.scope)
        return refused or self._with_session(request, RedirectResponse(checked_back(back, root), 303))

    def _sign_out(self, request: Request) -> Response:
        root = root_of(request.scope)
        self._sessions.close(request.cookies.get(self._cookie))
        response = RedirectResponse(f"{root}/sign-in", 303)
        response.delete_cookie(self._cookie, path=root or "/", httponly=True, samesite="strict")
        return response

    def _for_program(self, request: Request) -> Response | None:
        """Let a program through that sends the token with each request. A token that works once is not for that."""
        scheme, _, token = request.headers["authorization"].partition(" ")
        if scheme.lower() != "bearer" or not self._key.is_lasting:
            return self._for_nobody(request)
        return self._try(request, token.strip(), _WRONG)

    def _for_nobody(self, request: Request) -> Response:
        """Answer somebody who is not signed in."""
        is_page = request.method in {"GET", "HEAD"} and not wants_json(request)
        if is_page and request.headers.get("sec-fetch-site") == "cross-site":
            # A link elsewhere led here, so the browser keeps the cookie back, of which others must not profit. The
            # next request comes from this page, and has the cookie if there is one.
            root = root_of(request.scope)
            here = checked_back(url_of(request, without="token"), root)
            return self._answers.bare_page("bounce.html", root=root, url=here)
        if self._key.is_lasting and _is_sign_in(request) and request.query_params.get("why") == _LINK_REFUSED:
            return self._page(request, 401, _NO_LINK, request.query_params.get("back"))
        return self._page(request, 401, "")

    def _try(
        self, request: Request, token: str, words: str, back: str | None = None, *, is_counted: bool = True
    ) -> Response | None:
        """Return the answer to a token that does not open the dashboard; `None` if it does."""
        address = request.client.host if request.client else ""
        if self._tries.must_wait(address):
            return self._page(request, 429, _WAIT, back)
        if self._key.opens(token):
            return None
        if is_counted:
            self._tries.note(address)
        return self._page(request, 401, words, back)

    def _with_session(self, request: Request, response: Response) -> Response:
        response.set_cookie(
            self._cookie,
            self._sessions.open(),
            max_age=LIFETIME_SECONDS,
            path=root_of(request.scope) or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _page(self, request: Request, status: int, words: str, back: str | None = None) -> Response:
        """Answer with the page to sign in."""
        headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(WINDOW_SECONDS)}}.get(status)
        if wants_json(request):
            return JSONResponse({"error": words or (_NOBODY if self._key.is_lasting else _LINKS_ONLY)}, status, headers)
        root = root_of(request.scope)
        asked = back or ("" if request.method == "POST" else url_of(request, without="token"))
        return self._answers.bare_page(
            "sign_in.html",
            200 if status == 401 and _is_sign_in(request) and not words else status,
            headers,
            root=root,
            words=words,
            back=checked_back(asked, root),
            has_form=self._key.is_lasting,
        )


def _opens_window(request: Request) -> bool:
    """Tell if somebody opens a window, as far as the browser says it. Else a link would be used up unseen.

    Browsers fetch pages in advance, and any page can ask for a picture: browsers say so. What asks by HEAD opens none.
    Other programs that ask by GET say nothing of it, so they use the link up: `curl`, and what looks through mails.
    """
    headers = request.headers
    is_early = "sec-purpose" in headers or any(
        early in headers.get(name, "").lower() for name in _EARLY for early in ("prefetch", "preview")
    )
    return request.method == "GET" and not is_early and headers.get("sec-fetch-dest", "document") == "document"


def _is_sign_in(request: Request) -> bool:
    return str(request.scope["path"]).endswith("/sign-in")
