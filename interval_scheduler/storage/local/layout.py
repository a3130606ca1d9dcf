"""The files of a folder, and the command of its server. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

#: The locks; the docstring of the package says what they are for.
USERS: Final = "users.lock"
START: Final = "start.lock"
KEEPER: Final = "keeper.lock"
SERVER: Final = "server.lock"
#: The socket, the log, and the log before it.
SOCKET: Final = "server.sock"
LOG: Final = "server.log"
OLD_LOG: Final = "server.log.1"
#: Says whose folder it is, and which server wrote the data.
MARK: Final = "interval-scheduler.json"
NEW_MARK: Final = "interval-scheduler.json.new"
#: What may be in a folder without a mark: another process is about to write that, or the first server did not start.
_BEFORE_MARK: Final = frozenset({USERS, START, KEEPER, SERVER, NEW_MARK, LOG, OLD_LOG})
#: The longest path of a Unix socket, bytes: macOS has the shorter one of those in use.
LONGEST_SOCKET_PATH: Final = 103

#: The options of the server, beside the defaults of Redis and Valkey: no TCP, one socket for this user, an append-only
#: file, and no snapshots beside it. It is started in the folder, so no path stands here, or in the list of processes.
OPTIONS: Final = (
    *("--port", "0"),
    *("--unixsocket", SOCKET),
    *("--unixsocketperm", "700"),
    *("--appendonly", "yes"),
    *("--appendfsync", "everysec"),
    *("--save", ""),
    *("--daemonize", "no"),
    *("--logfile", LOG),
)
#: The variables that a server and a Python may need to start. The others are the application's, with its secrets.
_KEPT_VARIABLES: Final = re.compile(r"PATH|TZ|TMPDIR|(LD|DYLD)_\w+")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server and its keeper."""
    kept = {name: value for name, value in variables.items() if _KEPT_VARIABLES.fullmatch(name)}
    return {**kept, "LC_ALL": "C"}


def strangers(names: frozenset[str]) -> frozenset[str]:
    """Return those files of a folder without a mark that are not ours."""
    return names - _BEFORE_MARK


def socket_path(folder: str, descriptor: int, *, has_descriptor_paths: bool) -> str | None:
    """Return the path by which the socket is connected to; `None`: it is too long on this system.

    Args:
        folder: the path of the folder.
        descriptor: the open folder.
        has_descriptor_paths: True if open folders have paths of their own, by which what is in them is reached.
    """
    path = f"{folder}/{SOCKET}"
    try:
        fits = len(path.encode(errors="surrogateescape")) <= LONGEST_SOCKET_PATH
    except UnicodeEncodeError:  # half of a pair that no file system has
        return None
    if fits:
        return path
    return f"/proc/self/fd/{descriptor}/{SOCKET}" if has_descriptor_paths else None
