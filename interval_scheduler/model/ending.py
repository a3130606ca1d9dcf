"""A failed run in the wire form in which it travels from its worker to the script."""

from __future__ import annotations

from typing import NamedTuple


class Failure(NamedTuple):
    """A run that failed, in the form of the scripts.

    `retry_ms` is the delay before the next attempt (None: there is no further attempt). With `charge`, the failed
    run counts as an attempt. `received_at` is when the claim came, and `trusted_until` until when
    it is relied on, both in monotonic seconds.
    """

    raw_id: bytes
    lease: bytes
    header: bytes
    retry_ms: int | None
    charge: bool
    error: str
    received_at: float = 0.0
    trusted_until: float = 0.0
