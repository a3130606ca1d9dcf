"""What schedulers and workers do to tasks, in plain Python: one task after the other, no batches, no scripts, no Redis.

Written from what the API and the headers of the scripts promise. A task is one value, at one place, so that what must
agree in Redis agrees here by itself; `space` says how all of it stands there.
"""

from .doubt import Effect, explain
from .places import Dead, Leased, Parked, Paused, Place, Task, Waiting
from .schedule import Model
from .space import space_of
from .spec import Spec, Unreadable, Wanted

__all__ = [
    "Dead",
    "Effect",
    "Leased",
    "Model",
    "Parked",
    "Paused",
    "Place",
    "Spec",
    "Task",
    "Unreadable",
    "Waiting",
    "Wanted",
    "explain",
    "space_of",
]
