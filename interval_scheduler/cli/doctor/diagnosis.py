"""`Diagnosis`: one thing that is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["problem", "warning"]


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong.

    Attributes:
        kind: the sort of it, for programs, as docs/watching.md lists them.
        severity: `"problem"`: tasks do not run as they should; `"warning"`: they do, at a risk or for now.
        fact: a sentence for people that says what is wrong.
        advice: a sentence that says what to do.
        partition: the name of the partition; `None`: it concerns no single one.
        queue: the name of the queue; `None`: it concerns the namespace itself.
    """

    kind: str
    severity: Severity
    fact: str
    advice: str
    partition: str | None = None
    queue: str | None = None
