"""The public names, as the package itself lists them for `from interval_scheduler import *`."""

from __future__ import annotations

from typing import Final

import interval_scheduler

NAMES: Final[list[str]] = vars(interval_scheduler)["__all__"]
