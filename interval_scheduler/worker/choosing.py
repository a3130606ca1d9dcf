"""Chooses the queues that a worker executes. Pure."""

from __future__ import annotations

from collections.abc import Collection

from .. import ConfigurationError


def chosen_queues(only: Collection[str] | None, bound: Collection[str | None]) -> tuple[str | None, ...]:
    """Return the queues to execute; `None` is the namespace itself.

    Args:
        only: the names that the caller gives, `""` for the namespace itself; `None`: all.
        bound: the queues that have an executor.

    Raises:
        ConfigurationError: there is no executor, or none for one of the names.
    """
    if not bound:
        raise ConfigurationError("executor", "is missing: bind one with @worker.executor")
    if only is None:
        return tuple(bound)
    if isinstance(only, str) or not only:
        raise ConfigurationError("only", f"must be a list of names of queues, got {only!r}")
    chosen = tuple(dict.fromkeys(name or None for name in only))
    for name in chosen:
        if name not in bound:
            known = ", ".join(repr(each or "") for each in bound)
            raise ConfigurationError("only", f"names {name or ''!r}, which has no executor here; there are {known}")
    return chosen
