"""Decodes single fields of replies, and names the key if one has no readable form."""

from __future__ import annotations

from ...errors import StorageRefused
from ...model.wire import whole


def unreadable(partition: str, key: bytes, problem: str) -> StorageRefused:
    """Make the error for a key whose content cannot be read."""
    return StorageRefused(partition, "CORRUPT", f"the key {key.decode(errors='backslashreplace')} {problem}")


def number(partition: str, key: bytes, raw: bytes | int) -> int:
    """Return a number that a script wrote into a key.

    Raises:
        StorageRefused: it is no such number; the message names the key.
    """
    found = raw if isinstance(raw, int) else whole(raw)
    if found is None:
        raise unreadable(partition, key, f"has {raw[:40]!r} where a number must be")  # type: ignore[index]
    return found
