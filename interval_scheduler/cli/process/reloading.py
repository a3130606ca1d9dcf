"""Notices that Python files have changed; with the extra `reload`."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

from ..frame.exits import CONFIGURATION, Ended

_log = logging.getLogger("interval_scheduler.run")


def check_reload() -> None:
    """Look for what it needs.

    Raises:
        Ended: the extra is not installed.
    """
    if importlib.util.find_spec("watchfiles") is None:
        raise Ended(CONFIGURATION, "--reload needs one more package: pip install 'interval-scheduler[reload]'")


async def watch(folder: Path, on_change: Callable[[], object]) -> None:
    """Call a function whenever Python files in a folder, or below it, have changed; until cancelled."""
    from watchfiles import PythonFilter, awatch  # noqa: PLC0415 - it comes with an extra

    try:
        async for changes in awatch(folder, watch_filter=PythonFilter()):
            _log.info("changed: %s", ", ".join(sorted({Path(path).name for _, path in changes})[:5]))
            on_change()
    except Exception:  # noqa: BLE001 - what notices changes must not end what runs tasks
        _log.exception("changes of %s are not noticed any more; SIGHUP replaces the processes", folder)
