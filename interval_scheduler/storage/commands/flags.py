"""The form of reply that several commands share."""

from __future__ import annotations


def flags(flags: bytes) -> list[bool]:
    """Decode a string of `1` and `0` as booleans."""
    return [flag == 49 for flag in flags]  # "1"
