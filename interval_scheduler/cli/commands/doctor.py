"""`doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import click

from ..frame.connecting import run_async
from ..frame.exits import NO, Ended, code_of
from ..frame.loading import loading
from ..frame.settings import Settings, common


@click.command("doctor")
@click.option("--strict", is_flag=True, help="Let warnings end it with 1 as well.")
@click.option(
    "--as-worker",
    is_flag=True,
    help="Connect as a worker does, too: it tries every command that a worker needs, on a key of its own.",
)
@common
def doctor(settings: Settings, *, strict: bool, as_worker: bool) -> None:
    """Look at servers, clocks, rights, schedulers and backlogs; say what is wrong, and what to do.

    It only reads. Exit code 1 if there are problems; that of the error if there is no way to connect.
    """
    with loading():  # the help of the command needs none of it
        from ..doctor.examining import examine  # noqa: PLC0415
        from ..doctor.tell import tell  # noqa: PLC0415
    found, error = run_async(examine(settings, as_worker=as_worker))
    tell(settings, found)
    if error is not None:
        raise Ended(code_of(error)) from error
    if (strict and found) or any(each.severity == "problem" for each in found):
        raise Ended(NO)
