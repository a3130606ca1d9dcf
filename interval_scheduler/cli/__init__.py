"""The command line, `interval-scheduler`: it steers and shows schedules, and runs workers. Needs the extra `cli`."""

from __future__ import annotations

import sys

from .frame.loading import loading
from .output.streams import open_closed_streams


def main() -> None:
    """Run the command that the process was started with, and end the process with its exit code."""
    open_closed_streams()
    try:
        with loading():
            from .app import run_app  # noqa: PLC0415 - click comes with an extra
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("The command line needs more packages: pip install 'interval-scheduler[cli]'\n")
        sys.exit(78)
    run_app()
