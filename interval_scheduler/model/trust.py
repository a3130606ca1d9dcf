"""Shares of the time for which a lease or a lock was granted: until when it is relied on, and when it is renewed.

The server counts that time from some moment after the request was sent. So a holder counts from when it *sent* the
request, and stops a margin before the end: the margin covers how often the holder looks, and the difference in speed of
the two clocks.
"""

from __future__ import annotations

from typing import Final

#: A lease or lock is relied on for this share of its time, from when its request was sent.
TRUSTED_SHARE: Final = 0.85
#: It is renewed after this share of its time.
RENEWAL_SHARE: Final = 0.3
