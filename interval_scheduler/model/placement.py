"""The home partition of a task id: rendezvous (highest random weight) hashing, as a pure function.

Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996. Every process that has the same partition
names, in any order, finds the same home; a partition that is added or removed moves only its own share of the ids.
The weight of a partition for an id comes from two 64-bit digests, of the id and of the name, mixed by the finalizer of
splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
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


def homes(names: Sequence[str]) -> Callable[[bytes], int]:
    """Return the function from a task id to the index of its home among `names`."""
    seeds = [(_digest(name.encode()), index) for index, name in enumerate(names)]

    def home(raw_id: bytes) -> int:
        digest = _digest(raw_id)
        return max((_mix(digest ^ seed), seed, index) for seed, index in seeds)[2]

    return home
