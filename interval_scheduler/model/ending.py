"""A failed run in wire form: what travels from its worker to the script."""

from __future__ import annotations

from typing import NamedTuple


class Failure(NamedTuple):
    """A run that failed, in the form of the scripts.

    `retry_ms` is the delay before the next attempt (None: no further attempt). With `charge`, this one counts as an
    attempt.
    """

    raw_id: bytes
    lease: bytes
    header: bytes
    retry_ms: int | None
    charge: bool
    error: str
