"""Pages and actions: the parts that `app.py` makes routes of.

::

    GET /tasks?state=paused ─▶ guards ─▶ Look ─▶ read(look) = view ─┬─▶ templates/tasks.html ─▶ HTML
    GET /tasks.json?...     ─▶ guards ─▶ Look ─▶ read(look) = view ─┴─▶ JSON, the same values
    POST /do/pause          ─▶ guards ─▶ Look ─▶ do(look, form) ─┬─ Done ─▶ 303 to the page that it came from
                                                                 └─ Again ─▶ the form, with what is to be said of it
    GET /payload?id=...     ─▶ guards ─▶ Look ─▶ read(look) = Attachment ─▶ a file

The view of a page holds data alone: moments are datetimes in UTC, durations seconds, and plots are drawn by the
template. So whatever a page shows is in its JSON as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import SchedulerError
from .guard.access import Level
from .look import Look

#: What a page shows: names and values that JSON can have, data classes and datetimes included.
View = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: its name in paths, and that of its template: `tasks` is at `/tasks` and `/tasks.json`.
        title: its name in the navigation and in the head.
        read: reads its view.
        in_navigation: it has an entry in the navigation. Default True.
        level: who may see it. Default: who may read.
        asks: the names of the values that it reads from the URL, apart from the queue. Default: none. Other values are
            taken out before, so two URLs that differ only in others share one view.
        is_shared: its view is shown for a moment to all who ask for the same. Default True; False for one that costs
            nothing to read, and shows how far something has come.
    """

    name: str
    title: str
    read: Callable[[Look], Awaitable[View]]
    in_navigation: bool = True
    level: Level = "read"
    asks: tuple[str, ...] = ()
    is_shared: bool = True


@dataclass(frozen=True)
class Done:
    """The outcome of an action.

    Attributes:
        words: one sentence for the reader: `3 tasks are paused.`
        is_good: False if it could not be done. Default True.
    """

    words: str
    is_good: bool = True


@dataclass(frozen=True)
class Again:
    """A page that answers a form at once: it asks something first, or tells what is wrong. Nothing was changed.

    Attributes:
        page: the page.
        view: what it shows.
        status: the status of HTTP. Default 200.
    """

    page: Page
    view: View
    status: int = 200


@dataclass(frozen=True)
class Attachment:
    """A file that the browser is to keep, and not to show.

    Attributes:
        content: what is in it.
        filename: the name that is proposed for it: letters, digits, dots and dashes.
    """

    content: bytes
    filename: str


@dataclass(frozen=True)
class Download:
    """A file at `/NAME`, for whoever may read.

    Attributes:
        name: its name in paths.
        read: reads it.
    """

    name: str
    read: Callable[[Look], Awaitable[Attachment]]


@dataclass(frozen=True)
class Action:
    """Something that a form asks for: `POST /do/NAME`, with the fields of the form.

    Attributes:
        name: its name in paths.
        level: who may do it.
        do: does it. The steering calls inside are told in the log of actions under the name of who asked.
    """

    name: str
    level: Level
    do: Callable[[Look, Mapping[str, str]], Awaitable[Done | Again]]


def keys_of(pages: Sequence[Page]) -> dict[str, str]:
    """Return the key by which each page of the navigation is reached: the first letter of its title that is free."""
    keys: dict[str, str] = {}
    for page in pages:
        if page.in_navigation:
            letters = (each for each in page.title.lower() if each.isalpha() and each not in keys.values())
            keys[page.name] = next(letters, "")
    return keys


class NotThere(Exception):
    """There is no such task, queue or page: the answer is 404 with these words."""


class NotSaved(Exception):
    """A form was not saved, since nothing could begin: the answer says so, and why.

    Args:
        reason: what kept it from beginning.
    """

    def __init__(self, reason: SchedulerError) -> None:
        super().__init__(f"it was not saved: {reason}")
        self.reason = reason


class BadQuery(Exception):
    """A value in the URL or in a form cannot be used: the answer is 400 with these words."""
