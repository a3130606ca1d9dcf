"""The standard streams of a command, which whoever starts it may have closed."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Put what reads as empty, and takes all that is written, in the place of standard streams that are closed.

    Their numbers would be given to the next socket or file otherwise: what anybody writes to the standard error, also
    in a process that is started from here, would go into that one.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123 - it stays open; it is no path
            os.set_inheritable(stream.fileno(), True)  # noqa: FBT003 - it has no name
            setattr(sys, name, stream)
