"""`Watched`: what is known from one reading to the next: since when a partition is away, and when it came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .reading import Reading


@dataclass(frozen=True)
class Watched:
    """The knowledge from the readings so far.

    Attributes:
        offline: the partitions that are offline, and since which reading.
        back: those that came back, and at which reading.
    """

    offline: Mapping[str, datetime] = field(default_factory=dict)
    back: Mapping[str, datetime] = field(default_factory=dict)


def watch(before: Watched, reading: Reading) -> Watched:
    """Return what is known after one more reading. One without an overview tells nothing new."""
    if reading.overview is None:
        return before
    now = datetime.fromtimestamp(reading.now, UTC)
    away = {each.name for each in reading.overview.partitions if not each.online}
    returned = {name: now for name in before.offline if name not in away}
    return Watched(
        offline={name: before.offline.get(name, now) for name in sorted(away)},
        back={**{name: at for name, at in before.back.items() if name not in away}, **returned},
    )
