"""The dashboard: pages that show a schedule, and steer it where that is allowed. Needs the extra `dashboard`."""

from __future__ import annotations

try:
    from .app import dashboard
except ModuleNotFoundError as error:
    if error.name not in {"jinja2", "starlette"}:
        raise
    raise ModuleNotFoundError(
        "The dashboard needs more packages: pip install 'interval-scheduler[dashboard]'", name=error.name
    ) from error

from .guard.access import Access, Level

__all__ = ["Access", "Level", "dashboard"]
