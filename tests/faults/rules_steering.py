"""Rules of the machine: pause and resume, run now, the dead, the whole namespace, and locks, through the API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from interval_scheduler import Lock
from tests.model import Dead, Leased, Model, Parked, Paused, Place, Waiting, control
from tests.scripts.store import MINUTE, SECOND

from . import choices
from .driving import Driven

#: What is done to a task, and where that is meant for.
MEANT: dict[str, tuple[type[Place], ...]] = {
    "run now": (Waiting, Leased),
    "resume": (Paused,),
    "revive": (Dead,),
    "pause": (Waiting, Leased, Parked),
    "cancel": (Leased,),
    "cancel and hand back": (Leased,),
}
SAFETY_MS = 24 * 60 * MINUTE


class Steering(Driven):
    """What is done to tasks beyond assigning and removing them, and to locks."""

    @precondition(lambda self: self.model.tasks)
    @rule(what=st.sampled_from(list(MEANT)), numbers=choices.some_tasks, lost=choices.twice)
    def steer(self, what: str, numbers: list[int], *, lost: bool) -> None:
        if not self.any_at(*MEANT[what]):
            what = next(other for other, places in MEANT.items() if self.any_at(*places))
        # How to resume is looked up first, so that several would not go as one batch.
        ids = self.named(numbers[:1] if what == "resume" else numbers, *MEANT[what])
        scheduler = self.side.schedulers[0]
        acts: dict[str, Callable[[str], Awaitable[bool]]] = {
            "run now": scheduler.run_task_now,
            "resume": scheduler.resume_task,
            "revive": scheduler.revive_task,
            "pause": scheduler.pause_task,
            "cancel": scheduler.cancel_run,
            "cancel and hand back": partial(scheduler.cancel_run, hand_back=True),
        }
        mirrors: dict[str, Callable[[Model, bytes, int], bool]] = {
            "run now": control.run_now,
            "resume": control.resume,
            "revive": control.revive,
            "pause": control.pause,
            "cancel": partial(control.cancel, how="x"),
            "cancel and hand back": partial(control.cancel, how="h"),
        }
        act, mirror = acts[what], mirrors[what]

        async def together() -> list[bool]:
            return list(await asyncio.gather(*map(act, ids)))

        self.step(together, lambda model, _, now: [mirror(model, task_id.encode(), now) for task_id in ids], lost=lost)

    @precondition(lambda self: self.any_at(Dead))
    @rule(lost=choices.twice)
    def clear_dead_tasks(self, *, lost: bool) -> None:
        self.step(
            self.side.schedulers[0].clear_dead_tasks,
            lambda model, *_: control.clear_dead(model),
            lost=lost,
        )

    @precondition(lambda self: self.model.tasks and self.is_turn_of("halt"))
    @rule(again=st.sampled_from([False, False, False, True]), lost=choices.twice)
    def pause_or_resume(self, *, again: bool, lost: bool) -> None:
        """The whole namespace; or once more what is so already."""
        rest = (self.model.halted is None) is not again
        self.took_turn("halt", 3 if rest else 20)
        scheduler = self.side.schedulers[0]

        def mirror(model: Model, _: None, now: int) -> None:
            model.halted = now if rest else None

        self.step(scheduler.pause if rest else scheduler.resume, mirror, lost=lost)

    # Locks

    @precondition(lambda self: self.model.tasks and self.is_turn_of("lock"))
    @rule(
        what=st.sampled_from(["try", "try auto", "unlock", "unlock", "time"]),
        name=st.sampled_from(choices.LOCKS),
        number=st.integers(0, 4),
        lost=choices.twice,
    )
    def lock(self, what: str, name: str, number: int, *, lost: bool) -> None:
        self.took_turn("lock", 6)
        if what == "try":
            self.acquire(name, lost=lost)
        elif what == "try auto":
            self.acquire_for_some_time(name, number + 1, lost=lost)
        elif what == "unlock" and self.locks:
            self.unlock(number, lost=lost)
        else:
            self.its_time_is_over(name)

    def acquire(self, name: str, *, lost: bool) -> None:
        def mirror(model: Model, lock: Lock | None, _: int) -> Lock | None:
            return Lock(name, model.fence or 0) if control.acquire(model, name, lock.token if lock else 0) else None

        if lock := self.step(lambda: self.side.schedulers[0].try_lock(name), mirror, lost=lost):
            self.locks.append(lock)
            self.expires_in(name, SAFETY_MS)

    def acquire_for_some_time(self, name: str, minutes: int, *, lost: bool) -> None:
        def mirror(model: Model, *_: object) -> bool:
            return control.acquire(model, name, int(self.found.locks[name.encode()]))

        if self.step(lambda: self.side.schedulers[0].try_auto_lock(name, 60 * minutes), mirror, lost=lost):
            self.expires_in(name, minutes * MINUTE)

    def unlock(self, number: int, *, lost: bool) -> None:
        """By any lock that was ever acquired, or one that never was."""
        lock = self.locks[-1 - number % len(self.locks)]
        lock = Lock(lock.name, lock.token + (number == 4))
        self.step(
            lambda: self.side.schedulers[0].unlock(lock),
            lambda model, *_: control.release_lock(model, lock.name, lock.token),
            lost=lost,
        )

    def its_time_is_over(self, name: str) -> None:
        async def act() -> None:
            await self.store.client.delete(self.store.keys.lock(name.encode()))

        def mirror(model: Model, *_: object) -> None:
            model.locks.pop(name, None)

        self.step(act, mirror)

    def expires_in(self, name: str, ms: int) -> None:
        """A lock is free by itself after so long."""
        left = self.wait_for(self.store.client.pttl(self.store.keys.lock(name.encode())))
        assert ms - 50 * SECOND < left <= ms
