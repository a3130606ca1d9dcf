"""The format of a backup: the names of the fields of its lines, their bounds, and the counts of a restore.

::

    {"format": "interval-scheduler", "version": 1, ...}     the header: namespace, moment, prefix, pause and quotas
    {"id": "user:1", "text": "...", "state": "waiting", ...}    a task; only its first three fields are in each line
    {"end": true, "tasks": 1, "left_out": 0}                the trailer

All moments and spans are whole milliseconds, since nothing may be rounded on the way out and in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

FORMAT: Final = "interval-scheduler"
VERSION: Final = 1
#: The treatment of tasks that exist already.
OnConflict = Literal["skip", "replace"]
#: The longest line, in bytes or characters: a payload of which each character is escaped, and a history, fit.
MAX_LINE: Final = 2 << 20
#: The longest errors that are kept, in bytes: of a dead task, of a failing one, of a run in a history.
MAX_DEATH: Final = 4_000
MAX_CAUSE: Final = 1_000
MAX_NOTE: Final = 200

#: The names of rules in a line, and the fields of a policy that have them.
RULES: Final[Mapping[str, str]] = {
    "missed": "missed",
    "until_ms": "until_ms",
    "max_runs": "max_runs",
    "cron": "cron",
    "timezone": "zone",
    "retries": "retries",
    "backoff_ms": "backoff_ms",
    "timeout_ms": "timeout_ms",
    "group": "group",
    "start_deadline_ms": "start_deadline_ms",
    "overlap": "overlap",
    "jitter_ms": "jitter_ms",
    "history": "history",
}


@dataclass(frozen=True, slots=True)
class RestoreCounts:
    """The counts of `restore`.

    Attributes:
        restored: the number of tasks that did not exist and are restored.
        skipped: the number of tasks that existed and were left as they are.
        replaced: the number of tasks that existed and are replaced.
    """

    restored: int = 0
    skipped: int = 0
    replaced: int = 0


def cut_text(text: str, most: int) -> str:
    """Cut a text to at most some bytes of UTF-8, without a part of a character at the end."""
    raw = text.encode()
    return text if len(raw) <= most else raw[:most].decode(errors="ignore")
