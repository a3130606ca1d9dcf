"""Names the keys that have another type than they should, which Redis does not do itself.

A script that meets such a key fails with `WRONGTYPE`, and changes nothing more. Only people can say what the key is
for, so it stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Final

from ...errors import StorageRefused
from ..scripts import loader as scripts
from ..scripts.keys import SHARED, Keys
from ..scripts.loader import Script
from ..scripts.ports import ScriptRunner

_GROUP_KEYS: Final = {
    b"in-use": "string",
    b"of": "hash",
    b"runs": "hash",
    b"parked": "sorted set",
    b"parked-of": "hash",
    b"overdue": "hash",
    b"room": "sorted set",
    b"refill": "sorted set",
    b"quota": "hash",
    b"revision": "string",
    b"rates": "hash",
    b"buckets": "hash",
    b"caps": "hash",
}
#: Keys that are not looked at: prefixes, and one that only exists within a script.
_LEFT_OUT: Final = ("reply", "groups", "counts", "probe")


async def wrong_types(
    partition: ScriptRunner, script: Script | None = None, taken: Sequence[bytes] = ()
) -> dict[bytes, str]:
    """Find the keys of a partition that have another type than they should, and that type.

    Args:
        partition: the partition.
        script: a script whose own keys are looked at as well. Default: none.
        taken: the keys of a call of that script.

    Raises:
        RedisError: the server cannot be asked.
    """
    pairs = dict(_shared(partition.keys))
    if script is not None:
        pairs.update(zip(taken, chain(script.types, repeat(script.types[-1])), strict=False))
    found = await partition.evaluate(scripts.TYPES, list(pairs), [kind.encode() for kind in pairs.values()])
    return dict(zip(found[::2], [kind.decode() for kind in found[1::2]], strict=True))


def describe(found: dict[bytes, str]) -> str:
    """Describe wrong types for people."""
    named = ", ".join(f"{key.decode(errors='backslashreplace')} is no {kind}" for key, kind in found.items())
    return f"a key is of another type than it should be: {named}; another program wrote it: rename or delete it"


async def name_keys(partition: ScriptRunner, script: Script, taken: Sequence[bytes]) -> None:
    """Raise an error that names the keys of another type than they should be, if there are any.

    Args:
        partition: where a script met one.
        script: that script.
        taken: the keys of its call.

    Raises:
        StorageRefused: there are some.
        RedisError: the server cannot be asked.
    """
    if found := await wrong_types(partition, script, taken):
        raise StorageRefused(partition.name, "WRONGTYPE", describe(found))


def _shared(keys: Keys) -> Iterator[tuple[bytes, str]]:
    for name, meaning in SHARED.items():
        if name not in _LEFT_OUT:
            yield getattr(keys, name), meaning.partition(",")[0]
    for suffix, kind in _GROUP_KEYS.items():
        yield keys.groups + suffix, kind
    yield keys.tags + b"now", "string"
