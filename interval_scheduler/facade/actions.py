"""The public calls on who steered what, with their documentation; `Scheduler` has them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, get_args

from ..errors import InvalidType, InvalidValue
from ..model.assignment import to_id
from ..model.cursors import bad_mark
from ..model.steering import ActionPage, NotedKind, PausedState, check_reason
from ..model.task import AnyTask
from ..services.lifespan import Lifespan
from ..storage.actions import Actions, note_tasks
from ..support.log import Log
from .acting import note
from .looking import check_limit


class ActionCalls:
    """The calls of a `Scheduler` on who steered what.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        log: the log for entries that are left out.
    """

    def __init__(self, lifespan: Lifespan, log: Log) -> None:
        self._home_of_actions = lifespan
        self._log_of_actions = log

    async def paused(self) -> PausedState | None:
        """Tell when the whole namespace was paused, by whom and why; `None` if it is not paused.

        Partitions that are offline are left out. If a call of `pause` or `resume` was cut off half-way, some partitions
        are paused; then this tells the pause, and calling again makes all equal. Of a task, `ScheduledTask.paused`
        tells the same.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition can be reached.
            StorageRefused: Redis refuses.
        """
        return await (await self._actions()).paused()

    async def actions(self, after: str | None = None, limit: int = 100) -> ActionPage:
        """List who steered what, when and why: the newest first, merged over all partitions.

        Told are `pause`, `resume`, `pause_task`, `resume_task`, `pause_tasks`, `resume_tasks`, `run_task_now`,
        `revive_task`, `cancel_run`, `update_task`, `set_rate`, `set_group_concurrency`, `clear_tasks`,
        `clear_all_tasks`, `clear_dead_tasks`, `acknowledge_data_loss` and an `audit` that mends, if they changed
        something; and `assign_task` and `remove_task` where somebody asked for them: these two are written before the
        change, and nothing may have come of it (see `note_action`). A call on many tasks is one entry for each
        partition, with the number of tasks; so are calls of one kind that one and the same actor makes within a second,
        while nothing else comes between, but for the calls of `note_action`, each of which has entries of its own. The
        last 10,000 entries of each partition are kept. No payload is among them. What cannot be read is left out, and
        written to the log.

        Args:
            after: `ActionPage.after` of the page before. Default: begin with the newest.
            limit: the most actions, from 1 to 1,000. Default 100.

        Returns:
            The page. Each page names the partitions that could not be reached; theirs are left out.

        Raises:
            InvalidValue, InvalidType: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition can be reached.
            StorageRefused: Redis refuses.
        """
        places = _places(after)
        check_limit(limit)
        page, next_places = await (await self._actions()).page(places, limit)
        return page if next_places is None else replace(page, after=_mark(next_places))

    async def note_action(
        self, kind: NotedKind, tasks_or_ids: Collection[AnyTask | str], reason: str | None = None
    ) -> None:
        """Write into the log of actions that a person is about to assign or to remove tasks.

        What an application assigns and removes is its daily work, and leaves no entry: this call is for what somebody
        asks for. Call it before the change: so there is no such change without an entry. An entry tells what was asked
        for: nothing corrects it if the change fails, or if there is no such task.

        It is one entry for each partition that is the home of some of the tasks, with their number there. What concerns
        a home that cannot be reached is noted at another partition. Calls are not put together, even if they come
        within a second: of many tasks, give all to one call.

        Args:
            kind: `"assign_task"` or `"remove_task"`.
            tasks_or_ids: the tasks or their ids, as a list, a tuple or a set. Of none, nothing is written.
            reason: why, as for `pause_task`.

        Raises:
            InvalidValue, InvalidType: an argument is bad; nothing was written.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition can be reached; nothing was written.
            StorageRefused: Redis refuses; at other partitions it may be written.
        """
        if kind not in get_args(NotedKind):
            raise InvalidValue("kind", f"must be 'assign_task' or 'remove_task', got {kind!r}")
        if isinstance(tasks_or_ids, str | bytes) or not isinstance(tasks_or_ids, Collection):
            raise InvalidType("tasks_or_ids", f"must be a list, a tuple or a set, not {type(tasks_or_ids).__name__}")
        ids = dict.fromkeys(map(to_id, tasks_or_ids))
        noted = note(self._home_of_actions.actor, kind, check_reason(reason), in_steps=True)
        connected = await self._home_of_actions.enter()
        await note_tasks(connected.partitions, noted, ids)

    async def _actions(self) -> Actions:
        return Actions((await self._home_of_actions.enter()).partitions, self._log_of_actions)


def _mark(places: Mapping[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(places, separators=(",", ":")).encode()).decode()


def _places(after: object) -> Mapping[str, int] | None:
    if after is None:
        return None
    if not isinstance(after, str):
        raise InvalidType("after", f"must be a str or None, not {type(after).__name__}")
    try:
        found: Any = json.loads(base64.b64decode(after.encode(), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, dict)
        or not found
        or not all(
            isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= 1 << 53
            for number in found.values()
        )
    ):
        raise bad_mark()
    return found
