"""The home partition of a task id: rendezvous (highest random weight) hashing, as a pure function.

Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996. Every process that has the same partition
names, in any order, finds the same home; a partition that is added or removed moves only its own share of the ids.
The weight of a partition for an id comes from two 64-bit digests, of the id and of the name, mixed by the finalizer of
splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).

Of an id with a hash tag, as `{tenant-7}:feed:1`, only the tag counts, as in Redis Cluster: so the ids of a tag have one
home. The scripts find the same tag in an id (see `_tags.lua`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

_MASK: Final = (1 << 64) - 1


def _digest(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")


def _mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def tag_of(raw_id: bytes) -> bytes | None:
    """Return the hash tag of an id: the text between its first `{` and the next `}`; `None` if there is none.

    The tag of a prefix is that of all ids which begin with it. A prefix without one may begin ids of any tag.
    """
    _, _, rest = raw_id.partition(b"{")
    tag, end, _ = rest.partition(b"}")
    return tag if tag and end else None


def homes(names: Sequence[str]) -> Callable[[bytes], int]:
    """Return the function from a task id to the index of its home among `names`."""
    seeds = [(_digest(name.encode()), index) for index, name in enumerate(names)]

    def home(raw_id: bytes) -> int:
        if b"{" in raw_id:
            raw_id = tag_of(raw_id) or raw_id
        digest = _digest(raw_id)
        return max((_mix(digest ^ seed), seed, index) for seed, index in seeds)[2]

    return home
