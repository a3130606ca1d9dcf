"""Asks before something that concerns many tasks at once: it says what will be done, and to how many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .. import queries
from ..look import Look
from ..page import Again, Page, View
from ..words import are, many
from .setbacks import missing_in

#: The most tasks that one action revives.
MOST_REVIVED: Final = 10_000


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        heading: what is to be done, in a few words.
        button: the word on the button that does it.
        back: the page to return to.
        text: says what will be done to so many tasks.
        count: counts the tasks; the second value names the partitions that could not be asked.
    """

    heading: str
    button: str
    back: str
    text: Callable[[int], str]
    count: Callable[[Look], Awaitable[tuple[int, tuple[str, ...]]]]


async def _dead(look: Look) -> tuple[int, tuple[str, ...]]:
    overview = await look.scheduler.overview()
    return overview.dead, missing_in(overview)


async def _all(look: Look) -> tuple[int, tuple[str, ...]]:
    overview = await look.scheduler.overview()
    return overview.tasks + overview.dead, missing_in(overview)


def _revive(count: int) -> str:
    if count > MOST_REVIVED:
        which = f"The newest {MOST_REVIVED:,} of {count:,} dead tasks are"
    else:
        which = f"{many(count, 'dead task')} {are(count)}"
    return f"{which} scheduled anew: due now, with all attempts. Those that fail again come back here."


def _clear(count: int) -> str:
    which = f"{many(count, 'dead task')} {are(count)}"
    return f"{which} forgotten, with payloads and errors, and so are those that die meanwhile. This cannot be undone."


def _repair(count: int) -> str:
    return (
        f"An audit of {many(count, 'task')} mends each fault that is safe to mend. It goes in short steps, beside the "
        "schedulers at work. No task falls out of the schedule, but one may run once more than it should."
    )


#: The questions by the name of the action that each is about.
_QUESTIONS: Final[Mapping[str, Question]] = {
    "revive-dead": Question("Revive all dead tasks", "Revive them", "dead", _revive, _dead),
    "clear-dead": Question("Forget all dead tasks", "Forget them", "dead", _clear, _dead),
    "repair": Question("Audit and repair", "Repair", "health", _repair, _all),
}


async def ask(look: Look, action: str, problem: str | None = None) -> View:
    """Read what is to be told before an action.

    Args:
        look: the request.
        action: the name of the action.
        problem: why it was not done, if that was tried. Default: it was not.
    """
    question = _QUESTIONS[action]
    count, offline = await question.count(look)
    return {
        "action": action,
        "heading": question.heading,
        "text": question.text(count),
        "count": count,
        "button": question.button,
        "back": question.back,
        "offline": offline,
        "problem": problem,
    }


async def ask_again(look: Look, action: str, said: int) -> Again | None:
    """Ask once more if there are more tasks by now than somebody was told of; else return `None`."""
    count, _ = await _QUESTIONS[action].count(look)
    if count <= said:
        return None
    words = f"There {are(count)} {count:,} by now, and not {said:,}. Nothing was changed."
    return Again(PAGE, await ask(look, action, words))


async def _read(look: Look) -> View:
    return await ask(look, queries.choice_in(look.query, "action", _QUESTIONS))


PAGE = Page("sure", "Are you sure?", _read, in_navigation=False, asks=("action",))
