"""Rules of the machine: what happens goes on in a queue of the namespace, and in the namespace again."""

from __future__ import annotations

from hypothesis.stateful import precondition, rule

from tests.model import Model

from .driving import Driven


class Queues(Driven):
    """Two schedules side by side: whatever happens in one, the other is as it was left."""

    # What is late must have arrived, since its effects belong to the namespace.
    @precondition(lambda self: not self.doubts and not self.world.shaky.is_holding and self.is_turn_of("queue"))
    @rule()
    def the_other_schedule_goes_on(self) -> None:
        self.took_turn("queue", 12)
        self.wait_for(self.world.shaky.calm())
        self.turn_aside()

        async def nothing() -> None: ...

        def mirror(_: Model, __: None, ___: int) -> None: ...

        self.step(nothing, mirror)
