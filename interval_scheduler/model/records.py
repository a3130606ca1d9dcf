r"""The record of a task: one string, a plain-text header and the payload. Pure functions.

::

    record  = header "\n" payload
    header  = type ["d"] [" " interval " " phase [" " grid]] *(";" control)
    type    = "s" (payload is text) | "b" (payload is bytes)
    "d"       the interval counts from the end of a run (fixed delay)
    interval  ms; absent: run once
    phase     ms; any moment on the task's own grid, modulo the interval
    grid      ms; the rounding grid, absent for none
              each of these three has at most 15 digits
    control   a rule that few tasks ask for: a letter and its value (see policy.py)

The scripts read the header with `string.match`, this module with a regular expression.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

_HEADER: Final = re.compile(rb"[sb]d?(?: [1-9]\d{0,14} \d{1,15}(?: [1-9]\d{0,14})?)?(?:;[^;\n]+)*\n")
_TEXT: Final = ord("s")
_PARTS: Final = rb"([sb])(d?)(?: ([1-9]\d{0,14}) (\d{1,15})(?: ([1-9]\d{0,14}))?)?"
#: A header without a policy: its type, "d" if the delay is fixed, the interval, the phase and the grid.
PLAIN_HEADER: Final = re.compile(_PARTS + rb"\n")
#: The same of any header, and its policy.
HEADER_PARTS: Final = re.compile(_PARTS + rb"((?:;[^;\n]+)*)\n")


class CorruptRecord(ValueError):
    """The value in Redis is not a record."""


class Garbled(bytes):
    """The bytes of a record that are not to be used, since something else about its task cannot be read.

    Attributes:
        reason: the fault, and the key in which it is.
    """

    reason: str

    def __new__(cls, raw: bytes, reason: str) -> Self:
        """Keep the bytes and the reason."""
        made = super().__new__(cls, b"\n" + raw)  # no header is empty, so that `split` refuses it
        made.reason = reason
        return made


def split(raw: bytes) -> tuple[bytes, str | bytes]:
    """Return the header and the payload of a record.

    Raises:
        CorruptRecord: it has no readable header, or its text is not UTF-8.
    """
    found = _HEADER.match(raw)
    if found is None:
        raise CorruptRecord(raw.reason if isinstance(raw, Garbled) else "the header cannot be read")
    end = found.end()
    payload = raw[end:]
    if raw[0] != _TEXT:
        return raw[: end - 1], payload
    try:
        return raw[: end - 1], payload.decode()
    except UnicodeDecodeError:
        raise CorruptRecord("the payload is marked as text, but is not UTF-8") from None


class Record(NamedTuple):
    """The parts of a record."""

    header: bytes
    data: str | bytes
    every_ms: int | None
    phase_ms: int | None
    fixed_delay: bool
    #: The rounding grid; 0 for none.
    grid_ms: int = 0


def parse(raw: bytes) -> Record:
    """Read the parts of a record.

    Raises:
        CorruptRecord: it has no readable header, or its text is not UTF-8.
    """
    header, data = split(raw)
    flags, *numbers = header.partition(b";")[0].split()
    every_ms, phase_ms = (int(numbers[0]), int(numbers[1])) if numbers else (None, None)
    grid_ms = int(numbers[2]) if len(numbers) > 2 else 0
    return Record(header, data, every_ms, phase_ms, flags.endswith(b"d"), grid_ms)
