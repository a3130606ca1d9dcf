"""Pieces of a long list, by the number in the URL. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..page import BadQuery

_Each = TypeVar("_Each")


@dataclass(frozen=True)
class Slice(Generic[_Each]):
    """A piece of a list.

    Attributes:
        rows: its entries.
        number: its number, from 1.
        last: the number of the last piece.
        total: the number of entries of the list.
    """

    rows: tuple[_Each, ...]
    number: int
    last: int
    total: int


def number_of(field: str, text: str | None) -> int:
    """Return the number of the piece that a URL asks for; without one, the first.

    Raises:
        BadQuery: it is no number from 1 on.
    """
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) <= 6 and int(text)):
        raise BadQuery(f"The value {field!r} must be a number from 1 on, and not {text!r}.")
    return int(text or 1)


def slice_of(number: int, every: Sequence[_Each], size: int) -> Slice[_Each]:
    """Return a piece of a list; beyond its end the last one, as lists get shorter while they are read."""
    last = max(1, -(-len(every) // size))
    number = min(number, last)
    return Slice(tuple(every[(number - 1) * size : number * size]), number, last, len(every))
