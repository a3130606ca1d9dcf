"""`Grant`: what the runs of one claim share."""

from __future__ import annotations

import math
from typing import Final

from ..model.tally import Tally


class Grant:
    """The grant of one claim, shared by its runs. Moments are of the monotonic clock, in seconds."""

    __slots__ = (
        "is_leased",
        "is_rated",
        "leased_start_by",
        "leased_until",
        "partition",
        "received_at",
        "server_now",
        "start_by",
        "tally",
        "token",
        "trusted_until",
    )

    def __init__(
        self,
        partition: str,
        token: bytes,
        server_now: float,
        received_at: float,
        start_by: float,
        leased_until: float,
        *,
        is_leased: bool,
        is_rated: bool = False,
        tally: Tally | None = None,
    ) -> None:
        self.partition: Final = partition
        #: Counts its runs. Default: one that nobody reads.
        self.tally: Final = tally or Tally()
        self.token: Final = token
        #: The server's clock when it granted the claim, epoch seconds.
        self.server_now: Final = server_now
        self.received_at: Final = received_at
        #: True if all of its runs are leased; else only those are whose policy needs it.
        self.is_leased: Final = is_leased
        #: True if each of its runs took a token of a rate of the namespace.
        self.is_rated: Final = is_rated
        #: A leased run may start until then; a later one is handed back.
        self.leased_start_by: Final = start_by
        #: The same for a run whose policy is not known yet.
        self.start_by: Final = start_by if is_leased else math.inf
        #: A lease, unless renewed, is relied on until then.
        self.leased_until: Final = leased_until
        #: The same for a run whose policy is not known yet.
        self.trusted_until: Final = leased_until if is_leased else math.inf
