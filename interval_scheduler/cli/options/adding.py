"""Gives a command several options at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def with_options(function: Callable[..., Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Return a function with these options of click, which its help lists in their order."""
    for option in reversed(options):
        function = option(function)
    return function
