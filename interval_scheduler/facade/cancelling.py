"""The public call on runs in progress, with its documentation; `Scheduler` has it."""

from __future__ import annotations

from ..errors import InvalidType
from ..model.assignment import to_id
from ..model.task import Task
from ..services.lifespan import Lifespan
from ..storage.partitions import ControlStep
from .acting import note


class CancelCalls:
    """The calls of a `Scheduler` on runs in progress.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
    """

    def __init__(self, lifespan: Lifespan) -> None:
        self._home = lifespan

    async def cancel_run(self, task_or_id: Task | str, *, hand_back: bool = False) -> bool:
        """Cancel the run of a task that is in progress, wherever it runs. The task itself stays scheduled.

        The executor gets an `asyncio.CancelledError` within a moment; if the announcement is lost, when its lease is
        next renewed, three tenths of a lease later at most. A run that was claimed and has not begun does not begin. No
        later run of the task is hit. The call does not wait for the end of the run; a run that ends by itself before
        it hears of this ends as it does.

        Args:
            task_or_id: the task or its id.
            hand_back: False (default): the run counts as failed, with the error `RunCancelled`; it is tried again if
                the task has `retries` left. True: it is handed back, due as it was, and no attempt is charged; it
                cannot start again before the `backoff` of the task, a second by default, has passed.

        Returns:
            `True` if a run was in progress; `False` if the task is not scheduled, waits, or has a run that is not
            leased (at most once).

        Raises:
            InvalidValue, InvalidType: an argument is bad; nothing was changed.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: the home of the task cannot be reached; nothing was changed.
            OutcomeUnknown: the home was lost half-way; calling again is safe while the run goes on.
            StorageRefused: Redis refuses; nothing was changed.
        """
        raw_id = to_id(task_or_id)
        if not isinstance(hand_back, bool):
            raise InvalidType("hand_back", f"must be True or False, not {type(hand_back).__name__}")
        noted = note(self._home.actor, "cancel_run", "handed back" if hand_back else "")
        step = ControlStep(raw_id, b"h" if hand_back else b"x", note=noted)
        return await (await self._home.enter()).partitions.control(step) == "1"
