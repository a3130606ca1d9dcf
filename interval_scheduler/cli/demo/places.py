"""The place of the demo where nobody names one: a server of its own, or the embedded engine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote

from ... import ConfigurationError

_EMBEDDED: Final = "memory://demo"
_Result = TypeVar("_Result")


def on_own_server(play: Callable[[str], _Result], say: Callable[[str], None]) -> _Result:
    """Play on a server in a temporary folder; where none can be started, on the embedded engine.

    Args:
        play: plays it at the URL that it is called with.
        say: tells why there is no server.

    Raises:
        ConfigurationError: the embedded engine is not there either.
    """
    # The last files of a server may go while the folder does.
    with tempfile.TemporaryDirectory(prefix="interval-scheduler-demo-", ignore_cleanup_errors=True) as folder:
        try:
            return play(f"local://{quote(folder)}")
        except ConfigurationError as error:
            say(f"no server of its own: {error}")
    return play(_EMBEDDED)
