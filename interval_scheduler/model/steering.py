"""Who steers what, when and why: what is kept of it, and the checks of what people tell. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from ..errors import ConfigurationError, ConfigurationTypeError, InvalidType, InvalidValue
from .wire import moment_of, readable, whole

#: The most characters of the one who steers, and of a reason.
LONGEST_ACTOR: Final = 100
LONGEST_REASON: Final = 500

ActionKind = Literal[
    "pause",
    "resume",
    "pause_task",
    "resume_task",
    "pause_tasks",
    "resume_tasks",
    "run_task_now",
    "revive_task",
    "cancel_run",
    "update_task",
    "set_rate",
    "set_group_concurrency",
    "clear_tasks",
    "clear_all_tasks",
    "clear_dead_tasks",
    "assign_task",
    "remove_task",
    "acknowledge_data_loss",
    "audit",
]
#: The calls that leave no entry by themselves, which `note_action` is for.
NotedKind = Literal["assign_task", "remove_task"]
_KINDS: Final[frozenset[str]] = frozenset(get_args(ActionKind))
_ENTRY: Final = re.compile(
    rb"\d{1,16} (\d{1,16}) (\d{1,16}) (\d{1,16}) (\S{1,40}) \S{1,40}\n([^\n]*)\n([^\n]*)\n(.*)\Z", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class PausedState:
    """A pause: when it began, who asked for it, and why.

    Attributes:
        at: the moment of the call, by the server's clock, in epoch seconds; `None` if it is not known.
        who: who paused it: the option `actor` of the scheduler, or what `acting_as` said; `None` if it is not known.
        reason: the reason that was given; `None` if there was none.
    """

    at: float | None
    who: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Action:
    """A steering call, or several of one kind that came together.

    Attributes:
        at: the moment at which it was carried out, by the server's clock, in epoch seconds; of several steps the first.
        until: the moment of the last step, in epoch seconds; the same for a single one.
        who: who asked for it: the option `actor` of the scheduler, or what `acting_as` said.
        kind: the name of the call. `assign_task` and `remove_task` tell what somebody asked for, before it was done:
            nothing may have come of it.
        task_id: the id of the task, if it concerned one; else `None`.
        prefix: the prefix of the ids that were steered, of a call that takes one; else `None`.
        count: the number of tasks that it steered; 1 for a call that concerns the whole namespace.
        details: the reason of a pause, the names of what an update changed, the rates or bounds before and after, how a
            run was cancelled; else `None`.
        partition: the name of the partition where it was carried out; that of the master for what concerns all. What
            concerns a partition that was offline, `note_action` writes elsewhere.
    """

    at: float
    until: float
    who: str
    kind: ActionKind
    task_id: str | None
    prefix: str | None
    count: int
    details: str | None
    partition: str


@dataclass(frozen=True, slots=True)
class ActionPage:
    """A page of actions.

    Attributes:
        actions: the actions, the newest first.
        after: the mark of the next page, to be given to the same call; `None` at the end.
        offline: the names of the partitions that could not be reached, whose actions are missing.
    """

    actions: tuple[Action, ...]
    after: str | None
    offline: tuple[str, ...] = ()


class Note(NamedTuple):
    """An entry that a steering call is to leave in the log of actions.

    Attributes:
        kind: the name of the call.
        its_call: a name of this very call, if it takes several requests; else empty.
        who: who asked for it.
        details: the details, of a pause its reason; without a line break.
        prefix: the prefix of the ids; empty for a call without one.
    """

    kind: str
    its_call: bytes
    who: bytes
    details: bytes = b""
    prefix: bytes = b""

    @property
    def words(self) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """The arguments that tell it to a script."""
        return (self.kind.encode(), *self[1:])


#: The arguments of a script that is to note nothing.
NO_NOTE: Final = (b"",) * 5


def check_reason(reason: object) -> str:
    """Check the reason of a pause; return it, empty for none.

    Raises:
        InvalidType: it is neither a str nor `None`.
        InvalidValue: it is too long, or has something else than printable characters.
    """
    if reason is None:
        return ""
    if not isinstance(reason, str):
        raise InvalidType("reason", f"must be a str or None, not {type(reason).__name__}")
    if problem := _problem(reason, LONGEST_REASON):
        raise InvalidValue("reason", problem)
    return reason


def check_actor(actor: object) -> str:
    """Check the name of the one who steers, and return it.

    Raises:
        InvalidType: it is no str.
        InvalidValue: it is empty, too long, or has something else than printable characters.
    """
    if not isinstance(actor, str):
        raise InvalidType("actor", f"must be a str, not {type(actor).__name__}")
    if problem := _problem(actor, LONGEST_ACTOR) or (None if actor else "must not be empty"):
        raise InvalidValue("actor", problem)
    return actor


def check_actor_option(actor: object) -> None:
    """Check the option `actor`.

    Raises:
        ConfigurationError: it cannot be used.
    """
    try:
        if actor is not None:
            check_actor(actor)
    except InvalidType as error:
        raise ConfigurationTypeError("actor", "must be a str or None" + error.problem[len("must be a str") :]) from None
    except InvalidValue as error:
        raise ConfigurationError("actor", error.problem) from None


def _problem(text: str, most: int) -> str | None:
    if len(text) > most:
        return f"must have at most {most} characters, got {len(text)}"
    if not text.isprintable():  # no line breaks, nothing that changes what a terminal shows, nothing that is no UTF-8
        return "must have printable characters only, in one line"
    return None


def to_paused(raw: bytes) -> PausedState:
    """Read what is kept of a pause; what cannot be read is not known."""
    when, _, rest = raw.partition(b" ")
    who, _, reason = rest.partition(b"\n")
    when_ms = whole(when)
    if when_ms is None:
        return PausedState(None, None, None)
    return PausedState(moment_of(when) / 1000, readable(who) or None, readable(reason) or None)


def to_action(raw: bytes, partition: str) -> Action | None:
    """Read an entry of the log; `None` if it cannot be read, or is of a kind that is not known here."""
    found = _ENTRY.match(raw)
    if found is None:
        return None
    began, ended, count, kind, who, details, target = found.groups()
    name: Any = kind.decode(errors="replace")
    if name not in _KINDS:
        return None
    letter, rest = target[:1], readable(target[1:])
    return Action(
        moment_of(began) / 1000,
        moment_of(ended) / 1000,
        readable(who),
        cast("ActionKind", name),
        rest if letter == b"i" else None,
        rest if letter == b"p" else None,
        int(count),
        readable(details) or None,
        partition,
    )
