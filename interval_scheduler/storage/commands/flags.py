"""Replies that several commands share."""

from __future__ import annotations


def flags(flags: bytes) -> list[bool]:
    """A string of ones and noughts as booleans."""
    return [flag == 49 for flag in flags]  # "1"
