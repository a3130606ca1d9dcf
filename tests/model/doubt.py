"""Calls in doubt: which of them took effect, in which order and when, so that all that is known comes out.

Calls of one scheduler on one task take effect in the order in which they were made. One that was acknowledged did,
before whatever was begun later; one in doubt did before every later call on its tasks, or never does. Calls on
different tasks may take effect in any order while they are under way together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from .schedule import Model


@dataclass(frozen=True, eq=False)
class Effect:
    """What a call does at one moment.

    Attributes:
        what: the call, for messages.
        ids: the tasks that it is about; `None`: all of them.
        mirror: takes effect in a model at a moment, and gives the result.
        made: when the call was made, in a count of all that happened.
        done: when it was acknowledged, in the same count; `None`: it is in doubt.
        result: what it was acknowledged with.
    """

    what: str
    ids: frozenset[bytes] | None
    mirror: Callable[[Model, int], Any]
    made: int
    done: int | None = None
    result: Any = None

    @property
    def in_doubt(self) -> bool:
        return self.done is None

    def outdated_by(self, other: Effect) -> bool:
        """Whether it can take effect only before another one."""
        if self.made >= other.made:
            return False
        is_about_the_same = self.ids is None or other.ids is None or not self.ids.isdisjoint(other.ids)
        return is_about_the_same or (self.done is not None and self.done < other.made)

    def try_in(self, model: Model, now: int) -> Model | None:
        """The model after it; `None` if its result would be another one."""
        after = model.copy()
        result = self.mirror(after, now)
        return after if self.in_doubt or result == self.result else None


def explain(
    model: Model, effects: Sequence[Effect], moments: Sequence[int], is_so: Callable[[Model], bool]
) -> tuple[Model, tuple[Effect, ...]] | None:
    """Find out what happened, with as few effects of calls in doubt as will do.

    Args:
        model: what there was.
        effects: those of acknowledged calls, all of which took place, and of calls in doubt, any of which did.
        moments: when something happened, in order.
        is_so: whether a model is what there is by now.

    Returns:
        That model, and what may take effect later still; `None` if nothing explains it.
    """
    sure = [effect for effect in effects if not effect.in_doubt]
    doubts = [effect for effect in effects if effect.in_doubt]
    for count in range(len(doubts) + 1):
        for chosen in combinations(doubts, count):
            took_place = [*sure, *chosen]
            found = _in_some_order(model, took_place, moments, is_so)
            if found is not None:
                left = [each for each in doubts if each not in chosen]
                return found, tuple(each for each in left if not any(map(each.outdated_by, took_place)))
    return None


def _in_some_order(
    model: Model, effects: Sequence[Effect], moments: Sequence[int], is_so: Callable[[Model], bool]
) -> Model | None:
    if not effects:
        return model if is_so(model) else None
    for effect in effects:
        others = [other for other in effects if other is not effect]
        if any(other.outdated_by(effect) for other in others):
            continue
        tried: list[Model] = []
        for number, now in enumerate(moments):
            after = effect.try_in(model, now)
            if after is None or after in tried:  # a later moment with the same end leaves the others less time
                continue
            tried.append(after)
            if (found := _in_some_order(after, others, moments[number:], is_so)) is not None:
                return found
    return None
