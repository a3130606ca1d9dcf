"""The public calls that show what there is, page by page and in numbers; `Scheduler` has them. They write nothing."""

from __future__ import annotations

from typing import Literal, overload

from ..errors import InvalidType, InvalidValue
from ..model.assignment import to_id
from ..model.checks import Moment, check_moment, check_prefix
from ..model.looking import DeadPage, Overview, SearchPage, TaskPage
from ..model.task import DeadTask, State, Task
from ..services.lifespan import Connected, Lifespan
from ..storage.overview import overview
from ..storage.pages import Pages, read_after
from ..storage.search import Search, read_reached
from ..support.log import Log

_MOST_ON_PAGE = 1000
_MOST_LOOKED = 10_000_000
_STATES = ("waiting", "leased", "paused", "dead")


def check_limit(limit: object) -> None:
    """Check the most tasks of a page.

    Raises:
        InvalidType, InvalidValue: it is no number from 1 to 1,000.
    """
    _check_whole("limit", limit, _MOST_ON_PAGE)


def _check_whole(field: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(field, f"must be a whole number, not {type(value).__name__}")
    if not 1 <= value <= most:
        raise InvalidValue(field, f"must be from 1 to {most:,}, got {value}")


def _check_page(limit: object, newest_first: object) -> None:
    check_limit(limit)
    if not isinstance(newest_first, bool):
        raise InvalidType("newest_first", f"must be True or False, not {type(newest_first).__name__}")


class LookCalls:
    """The calls of a `Scheduler` that show what there is.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        log: the log for tasks that are left out of a page.
    """

    def __init__(self, lifespan: Lifespan, log: Log) -> None:
        self._look_home = lifespan
        self._log_of_looks = log

    async def overview(self) -> Overview:
        """Tell the state of each partition in numbers: tasks by state, how late they are, pauses, rates, moves.

        All partitions are asked at the same time, with one script each, whose cost does not grow with the number of
        tasks. A partition that cannot be reached is an entry with `online=False`.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            StorageRefused: Redis refuses.
        """
        return await overview((await self._looked()).partitions)

    @overload
    async def page(
        self,
        state: State = "waiting",
        *,
        after: str | None = None,
        due_from: Moment | None = None,
        limit: int = 100,
    ) -> TaskPage: ...

    @overload
    async def page(
        self, state: Literal["dead"], *, after: str | None = None, due_from: None = None, limit: int = 100
    ) -> DeadPage: ...

    async def page(
        self,
        state: State | Literal["dead"] = "waiting",
        *,
        after: str | None = None,
        due_from: Moment | None = None,
        limit: int = 100,
    ) -> TaskPage | DeadPage:
        """List the tasks in one state, a page at a time, in one order over all partitions.

        Waiting and paused tasks come by their due time, leased ones by the end of their leases, dead ones by the moment
        at which they were set aside, the oldest first; equal ones by their ids. Parked tasks, which are due and wait
        for room or for tokens of their group, count as waiting: they come before the others, group by group.

        A page begins behind the place of the last task of the page before. So a task that keeps its place is listed
        exactly once, whatever comes and goes meanwhile; one that runs moves to its next due time, and may come again.

        Args:
            state: `"waiting"` (default), `"leased"`, `"paused"` or `"dead"`.
            after: `TaskPage.after` of the page before, of a call with the same arguments. Default: the first page.
            due_from: the due time from which on waiting or paused tasks are listed: epoch seconds or an aware datetime.
                Default: all are.
            limit: the most tasks, from 1 to 1,000. Default 100.

        Returns:
            The page; with `state="dead"`, one of dead tasks. It can have fewer tasks than `limit` although another
            follows, if some are heavy or cannot be read. Partitions that cannot be reached are named in its `offline`.

        Raises:
            InvalidValue, InvalidType: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: none of the partitions can be reached.
            StorageRefused: Redis refuses.
        """
        if state not in _STATES:
            raise InvalidValue("state", f"must be 'waiting', 'leased', 'paused' or 'dead', got {state!r}")
        check_limit(limit)
        from_ms = 0 if due_from is None else check_moment("due_from", due_from)
        if due_from is not None and state in ("leased", "dead"):
            raise InvalidValue("due_from", f"is for waiting and paused tasks: {state} ones are in another order")
        place = read_after(state, after, from_ms=from_ms)
        if state == "dead":
            return await (await self._pages()).dead(place, limit, newest_first=False)
        return await (await self._pages()).tasks(state, place, limit)

    async def dead_page(self, after: str | None = None, limit: int = 100, *, newest_first: bool = True) -> DeadPage:
        """List the tasks that were set aside, a page at a time, in one order over all partitions.

        See `dead_tasks` for what they are.

        Args:
            after: `DeadPage.after` of the page before, of a call with the same `newest_first`. Default: the first page.
            limit: the most tasks, from 1 to 1,000. Default 100.
            newest_first: False for the one that was set aside first. Default True.

        Returns:
            The page. It can have fewer tasks than `limit` although another follows, if some are heavy. Partitions that
            cannot be reached are named in `DeadPage.offline`.

        Raises:
            InvalidValue, InvalidType: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: none of the partitions can be reached.
            StorageRefused: Redis refuses.
        """
        _check_page(limit, newest_first)
        place = read_after("dead", after, newest_first=newest_first)
        return await (await self._pages()).dead(place, limit, newest_first=newest_first)

    async def failing_page(self, after: str | None = None, limit: int = 100, *, newest_first: bool = True) -> TaskPage:
        """List tasks whose last run failed and that go on, in the order in which they last failed.

        Their `last_error` and `failed_at` tell why and when. A task is among them until a run of it succeeds, or it is
        removed or set aside as dead (see `dead_tasks`). The latest 10,000 of each partition are kept. A task that fails
        anew during the listing moves to its newest end. At most once, only tasks with a rule that needs an answer
        (`retries`, `cron`, `max_runs`, `group`, `history`) are known to fail.

        Args:
            after: `TaskPage.after` of the page before. Default: the first page.
            limit: the most tasks, from 1 to 1,000. Default 100.
            newest_first: False for the one that failed first. Default True.

        Returns:
            The page. It can have fewer tasks than `limit` although another follows, if some were removed meanwhile, or
            are heavy. Partitions that cannot be reached are named in `TaskPage.offline`.

        Raises:
            InvalidValue, InvalidType: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: none of the partitions can be reached.
            StorageRefused: Redis refuses.
        """
        _check_page(limit, newest_first)
        place = read_after("failing", after, newest_first=newest_first)
        return await (await self._pages()).failing(place, limit, newest_first=newest_first)

    async def search(self, prefix: str, *, after: str | None = None, budget: int = 20_000) -> SearchPage:
        """Find scheduled tasks by the beginning of their ids, a page of about 100 at a time.

        The task whose id is the prefix comes first. With a whole hash tag in the prefix, as in `"{tenant-7}"`, only the
        tasks of that tag are looked at, and come in the order of their ids. Any other prefix is looked for among all
        tasks of the namespace, in no order, in steps of a few ms, until the page is full, or `budget` tasks were looked
        at, or it has taken 0.75 µs for each of these: then the page may be empty although another follows. A task that
        comes, goes or moves to another partition meanwhile may be missing, and one may come twice, on two pages. Dead
        tasks are not found.

        Args:
            prefix: the beginning of the ids; empty for all.
            after: `SearchPage.next` of the page before, of a search for the same prefix. Default: the first page.
            budget: about the most tasks to look at for this page, from 1 to 10,000,000; each page looks at some. Beside
                workers it can be fewer, since the time of the page ends first, for which the budget stands too.
                Default 20,000, which are 15 ms.

        Returns:
            The page. Partitions that cannot be reached are named in `SearchPage.offline`.

        Raises:
            InvalidValue, InvalidType: a bad argument; the message names it.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition where such tasks can be can be reached; of a tag it is its home.
            StorageRefused: Redis refuses.
        """
        prefix = check_prefix("prefix", prefix)
        _check_whole("budget", budget, _MOST_LOOKED)
        reached = read_reached(prefix, after)
        return await Search((await self._looked()).partitions, prefix, self._log_of_looks).page(reached, budget)

    async def get_dead_task(self, task_or_id: Task | DeadTask | str) -> DeadTask | None:
        """Get a task that was set aside by its id, or `None` if there is no dead one with it.

        Its home alone is asked, with one request that costs the same however many dead tasks there are.

        Args:
            task_or_id: the task, as it was assigned or listed, or its id.

        Raises:
            InvalidValue, InvalidType: the id is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: its home cannot be reached.
            StorageRefused: Redis refuses.
        """
        raw_id = to_id(task_or_id)
        return await (await self._looked()).namespace.get_dead(raw_id)

    async def _looked(self) -> Connected:
        return await self._look_home.enter()

    async def _pages(self) -> Pages:
        return Pages((await self._looked()).partitions, self._log_of_looks)
