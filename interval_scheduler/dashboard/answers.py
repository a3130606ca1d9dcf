"""Answers a request: a view as HTML or as JSON, an error as a page of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ..cli.output.json_lines import plain
from . import charts
from .look import Look
from .page import Attachment, Done, Page, View, keys_of
from .words import FILTERS

_FOLDER: Final = Path(__file__).parent
#: When to try again what others keep from being done, in seconds, as a header says it.
_RETRY_SECONDS: Final = "2"
STATIC: Final = _FOLDER / "static"


@dataclass(frozen=True, slots=True)
class Html:
    """A page that is ready to be sent.

    Attributes:
        text: its text, encoded.
        tag: changes with the text.
    """

    text: bytes
    tag: str

    def answer(self, status: int = 200) -> Response:
        """Answer with it."""
        return HTMLResponse(self.text, status, {"ETag": self.tag})


class Answers:
    """Makes the answers of a dashboard.

    Args:
        pages: the pages, for the navigation.
        title: the name in the head of each page.
        can_sign_out: pages have a button to sign out. Default False: the application that it is mounted in has one.
    """

    def __init__(self, pages: tuple[Page, ...], title: str, *, can_sign_out: bool = False) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
        )
        self._templates.filters.update(FILTERS)
        self._templates.globals.update(
            charts=charts, pages=pages, keys=keys_of(pages), title=title, can_sign_out=can_sign_out
        )

    def html(self, look: Look, page: Page, view: View, said: Done | None = None) -> Html:
        """Make a page. Its tag changes with all but its foot, which tells when it was read."""
        text = self._render(f"{page.name or 'overview'}.html", look=look, page=page, view=view, said=said)
        shown = text.partition("<footer")[0]
        tag = hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return Html(_encoded(text), f'W/"{tag}"')

    def json(self, view: View) -> Response:
        """Answer with the twin of a page."""
        return JSONResponse(plain(view))

    def attachment(self, attachment: Attachment) -> Response:
        """Answer with a file that the browser keeps: whatever is in it, it is never shown as a page of this site."""
        headers = {"Content-Disposition": f'attachment; filename="{attachment.filename}"'}
        return Response(attachment.content, headers=headers, media_type="application/octet-stream")

    def problem(
        self,
        status: int,
        words: str,
        *,
        as_json: bool,
        look: Look | None = None,
        root: str = "",
        headers: Mapping[str, str] | None = None,
        back: str | None = None,
    ) -> Response:
        """Answer with an error.

        Args:
            status: the status of HTTP.
            words: what is wrong, in a sentence.
            as_json: the request was for JSON.
            look: what was asked for, if it came so far.
            root: the path of the dashboard, for the links of the page.
            headers: more headers. Default: none.
            back: the URL that an action came from. Default: it was no action; a page that cannot be given at the moment
                reads itself anew then.
        """
        if status == 429:
            headers = {"Retry-After": _RETRY_SECONDS, **(headers or {})}
        if as_json:
            return JSONResponse({"error": words}, status, headers)
        shown: dict[str, Any] = {"look": look, "page": None, "said": None, "root": root, "words": words}
        shown |= {"status": status, "back": back, "is_passing": status in {429, 503} and back is None}
        return self.bare_page("problem.html", status, headers, **shown)

    def bare_page(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, /, **values: Any
    ) -> Response:
        """Answer with something else than a page that shows a view."""
        return HTMLResponse(_encoded(self._render(template, **values)), status, headers)

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(**values)


def wants_json(request: Request) -> bool:
    """Tell if the answer to a request is to be JSON: by its path, as of the twin of a page, or by its header."""
    return str(request.scope["path"]).endswith(".json") or "application/json" in request.headers.get("accept", "")


def _encoded(text: str) -> bytes:
    # A payload that is no UTF-8 can hold half a character; it is shown as an escape.
    return text.encode("utf-8", "backslashreplace")
