"""Rules of the machine: the tasks with a prefix are counted, paused, resumed and cleared; with a tag or without."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model import Model, assigning, control

from . import choices
from .driving import Driven


class ByPrefix(Driven):
    """What is done to all tasks with a prefix."""

    # A look and a change, between which nothing may come late.
    @precondition(lambda self: self.model.tasks and not self.doubts and self.is_turn_of("prefix"))
    @rule(
        what=st.sampled_from(["count", "pause", "pause", "resume", "resume", "clear"]),
        prefix=st.sampled_from(list(choices.SCOPES)),
        lost=choices.twice,
    )
    def by_prefix(self, what: str, prefix: str, *, lost: bool) -> None:
        self.took_turn("prefix", 4)
        scheduler = self.side.schedulers[0]
        act = {
            "count": scheduler.count_tasks,
            "pause": scheduler.pause_tasks,
            "resume": scheduler.resume_tasks,
            "clear": scheduler.clear_tasks,
        }[what]
        told: list[tuple[int, int]] = []

        def mirror(model: Model, count: int, now: int) -> int:
            ids = [raw_id for raw_id in sorted(model.tasks) if raw_id.startswith(prefix.encode())]
            if what == "count":
                return sum(model.scheduled(raw_id) is not None for raw_id in ids)
            one = {"pause": control.pause, "resume": control.resume, "clear": assigning.remove}[what]
            done = [one(model, raw_id, now) for raw_id in ids]
            assert told[-1][0] == count
            assert told[-1][1] >= len(ids) or what != "clear", "dead tasks are read too"
            return sum(done)

        self.step(lambda: act(prefix=prefix, progress=lambda *numbers: told.append(numbers)), mirror, lost=lost)
