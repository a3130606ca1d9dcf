"""Rules of the machine: rates and caps are set and taken off, through the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Literal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from interval_scheduler import Rate
from tests.model import Model, kept_quotas
from tests.model.kept_quotas import Numbers
from tests.scripts.store import HOUR

from .driving import Driven

What = Literal["rate", "rate of a group", "caps", "no rate", "no rate of a group", "no caps", "as it is"]
#: Many ms a token, so that the time that a step takes brings none, unless it is moved.
_PER: Final = 10 * HOUR
_WHAT: Final[list[What]] = [
    "rate", "rate of a group", "rate of a group", "caps", "caps",
    "no rate", "no rate of a group", "no caps", "as it is",
]  # fmt: skip
_rates = st.tuples(st.integers(1, 4), st.just(_PER), st.integers(1, 5))
_caps = st.dictionaries(st.sampled_from(["g", "h:ж", "*"]), st.integers(1, 2))
_groups = st.sampled_from(["g", "g", "h:ж"])


class Quotas(Driven):
    """What bounds runs, over all workers."""

    # A change is two requests, between which nothing may come late.
    @precondition(lambda self: self.model.tasks and not self.doubts and self.is_turn_of("quotas"))
    @rule(what=st.sampled_from(_WHAT), numbers=_rates, caps=_caps, group=_groups, lost=st.booleans())
    def set_quotas(self, what: What, numbers: Numbers, caps: dict[str, int], group: str, *, lost: bool) -> None:
        self.took_turn("quotas", 8)
        scheduler, quotas = self.side.schedulers[0], self.model.quotas
        rate = None if quotas.rate is None else quotas.rate.numbers
        rates = {name: each.numbers for name, each in quotas.rates.items()}
        kept: Mapping[str, int] = quotas.caps
        new = Rate(numbers[0], per=_PER / 1000, burst=numbers[2])
        act: Callable[[], Awaitable[Any]]
        if what in ("rate", "no rate"):
            rate = numbers if what == "rate" else None
            act = partial(scheduler.set_rate, new if rate else None)
        elif what in ("rate of a group", "no rate of a group"):
            rates = {name: each for name, each in rates.items() if name != group}
            rates |= {group: numbers} if what == "rate of a group" else {}
            act = partial(scheduler.set_rate, new if group in rates else None, group=group)
        elif what in ("caps", "no caps"):
            kept = {"*": 0, **caps} if what == "caps" else {}
            act = partial(scheduler.set_group_concurrency, caps if what == "caps" else None)
        else:
            act = partial(scheduler.set_group_concurrency, {g: cap for g, cap in kept.items() if cap} if kept else None)

        def mirror(model: Model, _: object, now: int) -> None:
            kept_quotas.put(model, now, rate, rates, kept)

        self.step(act, mirror, lost=lost)
        kept_quotas.adopt(self.model.quotas, self.kept)
