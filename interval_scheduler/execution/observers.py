"""Those who observe a scheduler: who measures its runs, who wraps them, and what is counted for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..support.log import GuardedLog
from .blocks import Blocks
from .hooks import Hooks
from .samples import Listeners, RunSamples


@dataclass(frozen=True, slots=True)
class Observers:
    """The observers of one scheduler.

    Attributes:
        namespace: its namespace, by which they tell it from others.
        listeners: those who measure runs; the same object for a namespace and its queues.
        samples: the samples of its runs.
        hooks: the hooks; the same object for a namespace and its queues.
        blocks: counts how many times the event loop was blocked.
        jumps: counts the jumps of the clock of each partition, by its name.
    """

    namespace: str
    listeners: Listeners
    samples: RunSamples
    hooks: Hooks
    blocks: Blocks = field(default_factory=Blocks)
    jumps: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, namespace: str, log: GuardedLog, outer: Observers | None = None) -> Observers:
        """Make the observers of a namespace, or of a queue inside of another."""
        listeners = Listeners(log) if outer is None else outer.listeners
        return cls(namespace, listeners, RunSamples(namespace, listeners), Hooks() if outer is None else outer.hooks)
