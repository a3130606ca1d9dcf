"""Very many dynamic interval tasks on Redis: assigned, changed, removed and run with asyncio.

Start with `Scheduler` and `IntervalTask`.

The public names are listed in `__init__.pyi`, one a line. Each is loaded at its first use (PEP 562): a process that
only describes tasks loads no Redis client.
"""

from .support.lazy import LazyNames as _LazyNames

__version__ = "0.1.0"

_names = _LazyNames(__name__, __spec__)
__all__ = list(_names)


def __getattr__(name: str) -> object:
    return _names.load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
