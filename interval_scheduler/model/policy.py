"""The policy of a task in its wire form: the rules that few tasks ask for, at the end of the header. Pure functions.

::

    policy = *(";" letter value)
    m  s | a     missed occurrences are skipped, or each of them runs; absent: one run for all
    u  ms        no occurrence after this moment
    n  number    the number of runs after which the task is gone
    c  text      a cron expression, instead of an interval
    z  text      the time zone of the cron expression
    r  number    the number of further attempts for a run that fails
    b  ms        the delay before the first further attempt
    t  ms        the longest time that a run may take
    g  text      the group that the task belongs to
    l  ms        a run that cannot start within this time after it was due is skipped
    o  1         occurrences that come during a run are one more run after it; absent: they are left out
    j  ms        each run is due by up to this much after its time, by a draw from the id and that time
    h  number    the number of the last runs that are kept
    x  text      the trace context of the call that assigned the task; no rule, and no part of a `Policy`
    p  ms:ms     the previous time and the due time for which it holds, after the interval was changed; for `assign.lua`
    @  ms        the next due time, in a header that ends a run of a cron task; never in a record
    ~  Base64    the run itself (see past.py), in a header that ends a run of a task with `h`; never in a record

Most tasks have no rules, and then nothing is stored.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from .wire import whole

Missed = Literal["once", "skip", "all"]
Late = Literal["run", "skip"]
Overlap = Literal["skip", "once"]

_MISSED: Final[dict[str, Missed]] = {"": "once", "s": "skip", "a": "all"}
_OVERLAPS: Final[dict[str | None, Overlap]] = {None: "skip", "1": "once"}
_LETTERS: Final[dict[Missed, str]] = {missed: letter for letter, missed in _MISSED.items()}
DEFAULT_BACKOFF_MS: Final = 1000
#: The letter of each rule, in the order in which they stand in a header.
LETTER_OF: Final = {
    "missed": "m",
    "until": "u",
    "max_runs": "n",
    "cron": "c",
    "timezone": "z",
    "retries": "r",
    "backoff": "b",
    "timeout": "t",
    "group": "g",
    "start_deadline": "l",
    "overlap": "o",
    "jitter": "j",
    "history": "h",
}


class BadPolicy(ValueError):
    """The end of a header is not a policy."""


class Policy(NamedTuple):
    """The policy of one task, in wire units."""

    missed: Missed = "once"
    until_ms: int | None = None
    max_runs: int | None = None
    cron: str | None = None
    zone: str | None = None
    retries: int = 0
    backoff_ms: int = DEFAULT_BACKOFF_MS
    timeout_ms: int | None = None
    group: str | None = None
    start_deadline_ms: int | None = None
    overlap: Overlap = "skip"
    jitter_ms: int | None = None
    history: int = 0

    @property
    def needs_lease(self) -> bool:
        """True if only a completion can decide how the task goes on; `claim_once.lua` decides by the same letters."""
        return (
            self.cron is not None
            or self.max_runs is not None
            or self.retries > 0
            or self.group is not None
            or self.overlap == "once"
            or self.history > 0
        )

    def timeout_seconds(self, default: float | None) -> float | None:
        """Return the seconds that a run may take; `default` if the task sets none."""
        return default if self.timeout_ms is None else self.timeout_ms / 1000

    def encode(self) -> bytes:
        """Return the policy as it stands in a header."""
        parts: list[str] = []
        if self.missed != "once":
            parts.append(f";m{_LETTERS[self.missed]}")
        for letter, value in (
            ("u", self.until_ms),
            ("n", self.max_runs),
            ("c", self.cron),
            ("z", self.zone),
            ("r", self.retries or None),
            ("b", self.backoff_ms if self.backoff_ms != DEFAULT_BACKOFF_MS else None),
            ("t", self.timeout_ms),
            ("g", self.group),
            ("l", self.start_deadline_ms),
            ("o", 1 if self.overlap == "once" else None),
            ("j", self.jitter_ms),
            ("h", self.history or None),
        ):
            if value is not None:
                parts.append(f";{letter}{value}")
        return "".join(parts).encode()


PLAIN: Final = Policy()


@lru_cache(maxsize=4096)
def _decode(text: bytes) -> Policy:
    found = {part[:1]: part[1:] for part in text.decode().split(";")[1:]}
    if "@" in found or "~" in found or b"\0" in text:
        raise BadPolicy(f"policy {text[:200]!r} cannot be read")
    try:
        return Policy(
            missed=_MISSED[found.get("m", "")],
            until_ms=_number(found.get("u")),
            max_runs=_number(found.get("n")),
            cron=found.get("c"),
            zone=found.get("z"),
            retries=_number(found.get("r")) or 0,
            backoff_ms=_number(found.get("b")) or DEFAULT_BACKOFF_MS,
            timeout_ms=_number(found.get("t")),
            group=found.get("g"),
            start_deadline_ms=_number(found.get("l")),
            overlap=_OVERLAPS[found.get("o")],
            jitter_ms=_number(found.get("j")),
            history=_number(found.get("h")) or 0,
        )
    except (KeyError, ValueError) as error:
        raise BadPolicy(f"policy {text[:200]!r} cannot be read") from error


def without_previous(policy: bytes) -> bytes:
    """Return a policy without its controls `x` and `p`, which no task asks for."""
    return _without_trace(policy).partition(b";p")[0]


def trace_of(header: bytes) -> bytes:
    """Return the trace context in a header; empty if there is none."""
    return header.partition(b";x")[2].partition(b";")[0]


def _without_trace(header: bytes) -> bytes:
    before, mark, behind = header.partition(b";x")
    return before + b"".join(behind.partition(b";")[1:]) if mark else header


def of_header(header: bytes) -> Policy:
    """Return the policy of a header.

    Raises:
        BadPolicy: the policy cannot be read.
    """
    header = _without_trace(header)  # each call has its own: with them, the cache would be of no use
    at = header.find(b";")
    if at < 0:
        return PLAIN
    try:
        return _decode(header[at:])
    except UnicodeDecodeError as error:
        raise BadPolicy("the policy is not UTF-8") from error


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    number = whole(text.encode())
    if number is None:
        raise ValueError(text)
    return number
