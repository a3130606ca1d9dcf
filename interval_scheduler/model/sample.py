"""`RunSample`: what is told of a run to those who measure runs. It names no task, and has nothing of a payload."""

from __future__ import annotations

from typing import NamedTuple

from .past import Outcome


class RunSample(NamedTuple):
    """A run that ended, as `sample_runs` tells it."""

    namespace: str
    """The namespace of its task; that of a queue is `<namespace>.<name>`."""
    partition: str
    """The name of the home partition of its task."""
    outcome: Outcome
    """How it ended: `"ok"`, `"failed"`, `"timed out"` or `"postponed"`."""
    lag: float
    """Its start minus its due time by the partition's clock, in seconds."""
    duration: float
    """How long it took, in seconds; all runs of a batch took as long as that."""
