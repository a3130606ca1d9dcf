"""Forms of a page, filled in and sent as a browser without JavaScript does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.dashboard.conftest import HOST


@dataclass
class Form:
    """A form with the values that it has when the page is loaded."""

    action: str
    method: str
    id: str | None
    values: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str | None, str]] = field(default_factory=list)

    async def send(self, reader: httpx.AsyncClient, button: str = "", **typed: str | None) -> httpx.Response:
        """Send it, with what was typed; `None` leaves a field out; a button is named by its value."""
        values = {name: text for name, text in {**self.values, **typed}.items() if text is not None}
        if button:
            pressed = next(name for name, value in self.buttons if value == button)
            assert pressed
            values[pressed] = button
        if self.method == "get":
            return await reader.get(self.action.partition("?")[0], params=values)
        normal = {name: re.sub(r"\r\n|\r|\n", "\r\n", value) for name, value in values.items()}  # as all browsers do
        return await reader.post(
            self.action,
            content=urlencode(normal),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": HOST,
                "Accept": "text/html, application/json",
            },
        )


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.open: Form | None = None
        self.select: str | None = None
        self.text: str | None = None
        self.outside: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = Form(given.get("action", ""), given.get("method", "get"), given.get("id"))
            self.forms.append(self.open)
        elif tag == "input" and "form" in given:
            self.outside.append((given["form"], given["name"], given.get("value", "on")))
        elif self.open is not None:
            self._inside(self.open, tag, given)

    def _inside(self, form: Form, tag: str, given: dict[str, str]) -> None:
        if tag == "input":
            is_box = given.get("type") == "checkbox"
            if is_box:
                form.boxes[given["name"]] = given.get("value", "on")
            if not is_box or "checked" in given:
                form.values[given["name"]] = given.get("value", "on" if is_box else "")
        elif tag == "select":
            self.select = given["name"]
        elif tag == "option" and self.select is not None:
            if "selected" in given or self.select not in form.values:
                form.values[self.select] = given.get("value", "")
        elif tag == "textarea":
            self.text = given["name"]
            form.values[self.text] = ""
        elif tag == "button":
            form.buttons.append((given.get("name"), given.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self.open is not None and self.text is not None:
            self.open.values[self.text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "select":
            self.select = None
        elif tag == "textarea" and self.open is not None and self.text is not None:
            self.open.values[self.text] = self.open.values[self.text].removeprefix("\n")
            self.text = None


def forms_of(page: httpx.Response) -> list[Form]:
    """All forms of a page."""
    parser = _Forms()
    parser.feed(page.text)
    for form_id, name, value in parser.outside:
        next(form for form in parser.forms if form.id == form_id).boxes[name] = value
    return parser.forms


def form_of(page: httpx.Response, action: str) -> Form:
    """The form of a page that does something."""
    return next(form for form in forms_of(page) if form.action.partition("?")[0].endswith(action))


def words_of(answer: httpx.Response) -> Any:
    """What an action says of itself."""
    return answer.json()["words"]
