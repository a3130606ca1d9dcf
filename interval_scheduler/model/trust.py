"""The shares of the time of a lease or a lock after which it is renewed, and after which it is trusted no longer.

The server counts the time from a moment after the request was sent. So a holder counts from the moment at which it
*sent* the request, and stops a margin before the end. The margin covers the time between two looks of the holder at its
clock, and the difference in speed of the two clocks.
"""

from __future__ import annotations

from typing import Final

#: A lease or lock is trusted for this share of its time, from the moment at which its request was sent.
TRUSTED_SHARE: Final = 0.85
#: A lease or lock is renewed after this share of its time.
RENEWAL_SHARE: Final = 0.3
