"""The tokens that open the dashboard: one of a file, or one that works once."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from ...cli.frame.exits import CONFIGURATION, Ended, refuse

_SHORTEST: Final = 16
_LONGEST: Final = 4_096


class Key(Protocol):
    """Something that tells if a token opens the dashboard.

    Attributes:
        is_lasting: the same token works again and again, so that programs can send it and people type it.
    """

    is_lasting: bool

    def opens(self, token: str) -> bool:
        """Tell if a token opens the dashboard; one that works once is used up by it."""
        ...


class FileKey:
    """The token of a file.

    Args:
        token: the token; only its digest is kept.
    """

    is_lasting = True

    def __init__(self, token: str) -> None:
        self._digest: Final = _digest(token)

    def opens(self, token: str) -> bool:
        """Tell if it is the token, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_digest(token), self._digest)


class OneTimeKey:
    """A token that works once. After that there is a new one.

    Args:
        tell: shows a token to who started the dashboard; it is called for each.
    """

    is_lasting = False

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._digest = b""
        self._renew()

    def opens(self, token: str) -> bool:
        """Tell if it is the token; if so, it is used up."""
        is_right = hmac.compare_digest(_digest(token), self._digest)
        if is_right:
            self._renew()
        return is_right

    def _renew(self) -> None:
        token = secrets.token_urlsafe(32)
        self._digest = _digest(token)
        self._tell(token)


def read_key(file: Path, warn: Callable[[str], object]) -> FileKey:
    """Read a token from the first line of a file that only its owner, and perhaps a group, can read.

    Args:
        file: the file.
        warn: says what is not as it should be.

    Raises:
        Ended: the file cannot be read, everybody can read it, or its token is too short.
    """
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            lines = opened.read(_LONGEST).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Ended(CONFIGURATION, f"--token-file {file}: {problem}") from error
    if os.name == "posix" and mode & stat.S_IRWXO:
        refuse(f"--token-file {file}: everybody on this machine can read it; run chmod 600 {file}")
    if os.name == "posix" and mode & stat.S_IRWXG:
        warn(f"--token-file {file}: its group can read it")
    token = lines[0].strip() if lines else ""
    if len(token) < _SHORTEST:
        raise Ended(
            CONFIGURATION, f"--token-file {file}: its first line must be a token of at least {_SHORTEST} characters"
        )
    return FileKey(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
