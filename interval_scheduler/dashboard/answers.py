"""Answers a request: a view as HTML or as JSON, an error as a page of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import jinja2
from starlette.responses import HTMLResponse, JSONResponse, Response

from ..cli.output.json_lines import plain
from . import charts
from .look import Look
from .page import Done, Page, View
from .words import FILTERS

_FOLDER: Final = Path(__file__).parent
STATIC: Final = _FOLDER / "static"


class Answers:
    """Makes the answers of a dashboard.

    Args:
        pages: the pages, for the navigation.
        title: the name in the head of each page.
    """

    def __init__(self, pages: tuple[Page, ...], title: str) -> None:
        self._pages = pages
        self._title = title
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters.update(FILTERS)
        self._templates.globals["charts"] = charts

    def html(self, look: Look, page: Page, view: View, said: Done | None) -> Response:
        """Answer with a page."""
        return HTMLResponse(self._render(f"{page.name or 'overview'}.html", look=look, page=page, view=view, said=said))

    def json(self, view: View) -> Response:
        """Answer with the twin of a page."""
        return JSONResponse(plain(view))

    def problem(self, status: int, words: str, *, as_json: bool, look: Look | None = None, root: str = "") -> Response:
        """Answer with an error.

        Args:
            status: the status of HTTP.
            words: what is wrong, in a sentence.
            as_json: the request was for a twin.
            look: what was asked for, if it came so far.
            root: the path of the dashboard, for the links of the page.
        """
        if as_json:
            return JSONResponse({"error": words}, status)
        text = self._render("problem.html", look=look, root=root, words=words, status=status)
        return HTMLResponse(text, status)

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(pages=self._pages, title=self._title, **values)
