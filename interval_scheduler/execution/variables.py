"""Tells if a context variable was set to another object: by identity, since equal objects may be changed apart.

A comparison of two contexts with `==` compares values by their own `__eq__`, which may find a fresh object equal to the
one before, or raise. CPython keeps the variables of a context in one immutable table, which a copy shares. So one
comparison answers nearly always.
"""

from __future__ import annotations

from contextvars import Context

# Of a copied context, it returns a list with the table of its variables only. It is the only way to see the table.
from gc import get_referents as table_of
from operator import is_

__all__ = ["are_same", "table_of"]


def are_same(one: Context, other: Context) -> bool:
    """Tell if two contexts have the same variables with the same objects."""
    return (
        len(one) == len(other)
        and all(map(is_, one.keys(), other.keys()))
        and all(map(is_, one.values(), other.values()))
    )
