"""Loads the command line and all that its commands load later: a process forked from one that has it begins at once."""

from __future__ import annotations

import importlib
import pkgutil

import interval_scheduler.cli

for _module in pkgutil.walk_packages(interval_scheduler.cli.__path__, "interval_scheduler.cli."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)
for _name in ("interval_scheduler.facade.scheduler", "rich.console", "rich.live", "rich.table", "tests.cli.forked"):
    importlib.import_module(_name)
