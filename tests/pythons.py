"""The Pythons of this machine: those that are promised, and where they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

#: Those that are looked for.
PYTHONS: Final = ("python3.11", "python3.12", "python3.13", "python3.14")


def python_of(name: str) -> str | None:
    """The interpreter of a version; `None` if it is not at hand."""
    found = [
        shutil.which(name),
        *sorted(Path.home().glob(f".pyenv/versions/{name.removeprefix('python')}.*/bin/python")),
    ]
    for each in found:
        # Found is not enough: the shims of version managers are there for versions that are not.
        if each and subprocess.run([each, "--version"], capture_output=True, check=False).returncode == 0:
            return str(each)
    return None
