"""Actions and pages of tests, in the place of those of the registry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from interval_scheduler.dashboard import app, registry
from interval_scheduler.dashboard.look import Look
from interval_scheduler.dashboard.page import Action, Done, Page, View

#: What a browser says of a form of the same origin.
OWN = {"Sec-Fetch-Site": "same-origin"}
Do = Callable[[Look, Mapping[str, str]], Awaitable[Done]]


async def pause(look: Look, form: Mapping[str, str]) -> Done:
    await look.scheduler.pause(form.get("reason"))
    return Done("The namespace is paused.")


def use_action(monkeypatch: pytest.MonkeyPatch, do: Do = pause) -> None:
    """Have dashboards that are made from now on know one action more: `test`."""
    monkeypatch.setattr(app, "ACTIONS", (*registry.ACTIONS, Action("test", "operate", do)))


def use_page(monkeypatch: pytest.MonkeyPatch, read: Callable[[Look], Awaitable[View]]) -> None:
    """Have the overview read something else; its template shows what the view of the overview has."""
    rest = tuple(page for page in registry.PAGES if page.name)
    monkeypatch.setattr(app, "PAGES", (Page("", "Overview", read), *rest))
