"""When a worker looks again after a claim."""

from __future__ import annotations

from .places import Leased, Waiting
from .running import is_any_noted
from .schedule import Model


def next_look(model: Model, now: int, *, limit: int, room: int) -> tuple[int, int | None]:
    """When a worker looks again, 0 for at once, -1 for never; and for how many ms due tasks wait for tokens."""
    if model.halted is not None:
        return -1, None
    rate = model.quotas.rate
    due = sum(place.at <= now for _, _, place in model.at(Waiting))
    if rate is not None and rate.tokens < 1 and due:
        ready = rate.ready_at(min(due, limit))
        return ready, ready - now
    moments = [place.at for _, _, place in model.at(Waiting)]
    moments += [place.until for _, _, place in model.at(Leased)]
    moments += [0] if is_any_noted(model, room) else []
    moments += model.quotas.refill.values() if model.quotas.rates else []
    return min(moments, default=-1), None if rate is None else 0
