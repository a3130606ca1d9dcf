"""What is measured on: the cores, and the versions of all that takes part."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime

from tests.servers import default_binary


def machine() -> dict[str, str]:
    """What it was measured on."""
    server = subprocess.run([default_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "redis-server": server.split("v=")[1].split(" ")[0],
        "redis-py": importlib.metadata.version("redis"),
        "interval-scheduler": importlib.metadata.version("interval-scheduler"),
    }


def versions() -> dict[str, str]:
    """The same without the date."""
    return {name: value for name, value in machine().items() if name != "date"}
