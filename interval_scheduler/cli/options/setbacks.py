"""Which dead or failing tasks a command is about: its options, and the tasks that they mean."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from .adding import with_options
from .times import Since


@dataclass(frozen=True)
class Wanted:
    """Which dead or failing tasks are wanted.

    Attributes:
        error: a text in their error, upper and lower case being the same; `None`: any error.
        since: the moment since which they failed; `None`: whenever.
    """

    error: str | None = None
    since: datetime | None = None

    def takes(self, error: str | None, at: float | None) -> bool:
        """Tell if a task with this error, which failed at this moment (epoch seconds), is wanted."""
        return self.is_recent(at) and (self.error is None or self.error.casefold() in (error or "").casefold())

    def is_recent(self, at: float | None) -> bool:
        """Tell if a task that failed at this moment (epoch seconds) is recent enough.

        Lists begin with the newest, so they can end with the first one that is not.
        """
        return self.since is None or (at is not None and at >= self.since.timestamp())


_Task = TypeVar("_Task")


async def recent(
    pages: AsyncGenerator[Sequence[_Task], None],
    wanted: Wanted,
    failure: Callable[[_Task], tuple[str | None, float | None]],
) -> AsyncGenerator[Sequence[_Task], None]:
    """Yield the wanted ones of tasks that are listed with the newest first; end with the first that is too old.

    Args:
        pages: the tasks, page by page; they are closed at the end.
        wanted: which are wanted.
        failure: tells the error of a task, and its moment in epoch seconds.
    """
    async with aclosing(pages):
        async for tasks in pages:
            yield [task for task in tasks if wanted.takes(*failure(task))]
            if tasks and not wanted.is_recent(failure(tasks[-1])[1]):
                return


def filters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--error-contains` and `--since`; its argument `wanted` is what they say."""

    @functools.wraps(function)
    def command(*args: Any, error_contains: str | None, since: datetime | None, **options: Any) -> Any:
        return function(*args, wanted=Wanted(error_contains, since), **options)

    return with_options(command, _OPTIONS)


_OPTIONS: Final = (
    click.option("--error-contains", metavar="TEXT", help="Those with this text in their error, in any case."),
    click.option("--since", type=Since(), help="Those that failed since then: a date and time, or 2h for two hours."),
)
