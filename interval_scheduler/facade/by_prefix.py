"""The public calls on all tasks whose ids start with a prefix, with their documentation."""

from __future__ import annotations

from collections.abc import Callable

from .control import Control


class PrefixCalls:
    """The calls of a `Scheduler` on the tasks with a prefix.

    Args:
        control: the part that carries them out.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    async def count_tasks(self, *, prefix: str, progress: Callable[[int, int], object] | None = None) -> int:
        """Count the scheduled tasks whose ids start with a prefix.

        With a whole hash tag in the prefix, as in `"{tenant-7}"` or `"{tenant-7}:feed:"`, only tasks of that tag are
        read. Any other prefix is looked for among all tasks of the namespace. Both goes in steps of about 500 tasks, so
        it may be used beside working schedulers. A task that comes or goes meanwhile may count or not; of a prefix
        without a tag, a task may then count twice.

        Args:
            prefix: the beginning of the ids; it must not be empty.
            progress: called after each step with the number of tasks counted so far, and the number looked at. Default:
                nothing is called.

        Raises:
            InvalidValue, InvalidType: an argument is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition where such tasks can be cannot be reached; of a tag it is its home.
            StorageRefused: Redis refuses.
        """
        return await self._control.count_tasks(prefix, progress)

    async def pause_tasks(
        self, *, prefix: str, reason: str | None = None, progress: Callable[[int, int], object] | None = None
    ) -> int:
        """Let all tasks rest whose ids start with a prefix, each as by `pause_task`.

        They are found as by `count_tasks`, and paused in batches of up to 200. Each batch is atomic, the call is not. A
        task that is assigned later is not paused.

        Args:
            prefix: the beginning of the ids; it must not be empty.
            reason: why, as for `pause_task`.
            progress: called after each step with the number of tasks paused so far, and the number looked at. Default:
                nothing is called.

        Returns:
            The number of tasks that are paused now, those that were before included.

        Raises:
            InvalidValue, InvalidType: an argument is bad; nothing was changed.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition where such tasks can be cannot be reached; of a tag it is its home.
            OutcomeUnknown: a partition was lost half-way; some tasks may be changed, calling again is safe.
            StorageRefused: Redis refuses; some tasks may be changed.
        """
        return await self._control.pause_tasks(prefix, reason, progress)

    async def resume_tasks(self, *, prefix: str, progress: Callable[[int, int], object] | None = None) -> int:
        """Let all paused tasks go on whose ids start with a prefix, each as by `resume_task`; as `pause_tasks`.

        Args:
            prefix: the beginning of the ids; it must not be empty.
            progress: called after each step with the number of tasks resumed so far, and the number looked at. Default:
                nothing is called.

        Returns:
            The number of tasks that are not paused now, those that were not before included.

        Raises:
            SchedulerError: as for `pause_tasks`.
        """
        return await self._control.resume_tasks(prefix, progress)

    async def clear_tasks(self, *, prefix: str, progress: Callable[[int, int], object] | None = None) -> int:
        """Take all tasks off the schedule whose ids start with a prefix, and forget the dead ones among them.

        They are found as by `count_tasks`, and removed as by `remove_task`, in batches of up to 500. Each batch is
        atomic, the call is not. A task that is assigned later stays. No run of a removed task starts after this returns
        (under at-least-once delivery): if one was claimed within the last second, the call waits for the rest of it.

        Args:
            prefix: the beginning of the ids; it must not be empty.
            progress: called after each step with the number of tasks removed so far, and the number looked at. Default:
                nothing is called.

        Returns:
            The number of tasks that were scheduled; dead ones do not count.

        Raises:
            SchedulerError: as for `pause_tasks`.
        """
        return await self._control.clear_tasks(prefix, progress)
