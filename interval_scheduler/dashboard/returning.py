"""The way back after an action, and the words that are shown there once."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from .page import Done

#: A path of a page behind the root, and its query. So it is on this server and in this dashboard: no other host
#: (`//host`, `\\host`), no scheme, no way up (`/../`, `/%2e%2e/`), nothing that a browser drops before it reads it.
_BACK: Final = re.compile(r"/[a-z0-9-]*(?:\?[\x21\x23-\x5b\x5d-\x7e]*)?")
_COOKIE: Final = "interval_scheduler_said"
#: Seconds for which words wait to be shown.
_KEPT_SECONDS: Final = 60
#: A browser keeps 4,096 bytes of a cookie, and Base64 makes a third more of it.
_LONGEST_BYTES: Final = 2_000


def checked_back(back: str | None, root: str) -> str:
    """Return the path and query to go back to, if it is one of this dashboard, else those of the overview."""
    is_inside = back is not None and back.startswith(f"{root}/") and _BACK.fullmatch(back[len(root) :])
    return back if is_inside and back is not None else f"{root}/"


def keep(response: Response, done: Done, request: Request, root: str) -> None:
    """Have the words shown on the next page."""
    words = done.words.encode()[:_LONGEST_BYTES].decode(errors="ignore")
    value = base64.urlsafe_b64encode(json.dumps([words, done.is_good], ensure_ascii=False).encode()).decode()
    response.set_cookie(
        _COOKIE,
        value,
        max_age=_KEPT_SECONDS,
        path=root or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def kept(request: Request) -> Done | None:
    """Return the words that are to be shown on this page; a page that refreshes itself has none of them."""
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate":
        return None
    value = request.cookies.get(_COOKIE)
    if value is None:
        return None
    try:
        words, is_good = json.loads(base64.urlsafe_b64decode(value))
    except (
        binascii.Error,
        ValueError,
        TypeError,
        RecursionError,
    ):  # somebody else's; it is taken away with the next answer
        return Done("")
    return Done(words, is_good=is_good) if isinstance(words, str) and isinstance(is_good, bool) else Done("")


def forget(response: Response, root: str) -> None:
    """Take the words away, since they are shown."""
    response.delete_cookie(_COOKIE, path=root or "/", httponly=True, samesite="strict")
