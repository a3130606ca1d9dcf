"""Decimal contexts: each run gets its own.

The context of `decimal` is an object in a context variable that a run may change in place, so a copy of the context
variables is not enough once the application has one.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from contextvars import Context

_VARIABLE = "decimal_context"


def renewal(context: Context) -> Callable[[], None] | None:
    """Return what gives the calling asyncio task a decimal context of its own, as it is now in `context`.

    `None` if that has none: the first operation of each run makes one then.
    """
    if not any(variable.name == _VARIABLE for variable in context):
        return None
    original = context.copy().run(decimal.getcontext).copy()
    return lambda: decimal.setcontext(original.copy())
