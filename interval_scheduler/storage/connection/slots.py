"""The slots of the partitions in a Redis Cluster. Pure.

The slot of a key follows from its hash tag. The partitions must be spread evenly over the nodes, whatever their number.
So the tag of each gets a number that brings it near its place in the sequence of van der Corput (1935): 0, 1/2, 1/4,
3/4, 1/8 and so on. Each beginning of that sequence is spread evenly, and a tag does not depend on the number of
partitions.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

_BITS: Final = REDIS_CLUSTER_HASH_SLOTS.bit_length() - 1


def slot_of(key: bytes) -> int:
    """Return the slot of a key."""
    return key_slot(key)


def tag_of(prefix: str, shard: int) -> str:
    """Return the text of the hash tag of a partition: `prefix`, a dot and a number.

    Args:
        prefix: the beginning of the tag.
        shard: the index of the partition, from 0.
    """
    target = int(f"{shard:0{_BITS}b}"[::-1], 2)
    width = REDIS_CLUSTER_HASH_SLOTS >> (shard.bit_length() + 3)
    for number in count():
        tag = f"{prefix}.{number}"
        if 0 <= slot_of(f"{{{tag}}}".encode()) - target < width:
            return tag
    raise AssertionError  # for the type checker: the numbers do not end
