"""`run`: worker processes, kept up by a supervisor."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..frame.connecting import run_async
from ..frame.exits import CONFIGURATION, Ended
from ..frame.settings import Settings, common
from ..options.times import Duration
from ..process import logs
from ..process.spec import LEVELS, TARGET, LogFormat, Spec

_log = logging.getLogger("interval_scheduler.run")


def _folder(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    """Check the folder of --reload: without one, the option takes the word behind it."""
    if value is None or Path(value).is_dir():
        return None if value is None else Path(value)
    raise click.BadParameter(
        f"there is no folder {value!r}; the target stands before --reload, or behind --reload DIR."
    )


def _target(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """Check how the target is written, before a process is started for it."""
    if TARGET.fullmatch(value) is None:
        raise click.BadParameter(f"it must be module:attribute, such as app.jobs:worker, not {value!r}.")
    return value


@click.command("run")
@click.argument("target", callback=_target)
@click.option("--only", metavar="QUEUE,…", help='Execute these queues only; "" is the namespace itself.')
@click.option("--concurrency", type=click.IntRange(min=1), help="The most runs at once in each process.")
@click.option("--processes", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many processes.")
@click.option(
    "--drain", metavar="DURATION", type=Duration(), help="How long runs in progress may take to end. [default: 30s]"
)
@click.option(
    "--reload",
    metavar="[DIR]",
    is_flag=False,
    flag_value=".",
    is_eager=True,
    callback=_folder,
    help="Replace the processes when Python files in DIR change, by default in the current folder.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), help="How a line of the log looks. [default: text]")
@click.option("--log-level", type=click.Choice(LEVELS), help="The lowest level that is logged. [default: info]")
@click.option("--health", metavar="PORT|unix:PATH", help="Serve /live, /ready and /metrics there; PORT is on loopback.")
@click.option("--uvloop/--no-uvloop", default=False, help="Run on the event loop of uvloop.")
@common
def run(
    settings: Settings,
    *,
    target: str,
    only: str | None,
    concurrency: int | None,
    processes: int,
    drain: float | None,
    reload: Path | None,
    log_format: LogFormat | None,
    log_level: str | None,
    health: str | None,
    uvloop: bool,
) -> None:
    """Run the worker TARGET in processes of its own, until SIGTERM or SIGINT.

    TARGET is module:attribute: a Worker, a function that returns one, or a coroutine function, which is the executor of
    the namespace itself (or of --queue) on the server that --redis names.

    SIGTERM and SIGINT let runs end, a second one cuts them short. SIGHUP replaces the processes one by one.
    """
    if os.name != "posix":
        raise Ended(
            CONFIGURATION, "The command needs a system with POSIX signals: call Worker.run() in a program instead."
        )
    given: dict[str, Any] = {"namespace": settings.namespace, "concurrency": concurrency, "drain_seconds": drain}
    if click.get_current_context().get_parameter_source("timeout") is not ParameterSource.DEFAULT:
        given |= {"connect_timeout_seconds": settings.timeout, "operation_timeout_seconds": settings.timeout}
    spec = Spec(
        target=target,
        urls=settings.urls,
        options={name: value for name, value in given.items() if value is not None},
        only=None if only is None else tuple(name.strip() for name in only.split(",")),
        queue=settings.queue,
        uvloop=uvloop,
        log_format=log_format or ("json" if settings.as_json else "text"),
        log_level=log_level or ("warning" if settings.quiet else "info"),
        utc=settings.utc,
        debug=settings.debug,
    )
    from ..process.running import run_processes  # noqa: PLC0415 - the help of a command needs none of it

    logs.set_up(spec.log_format, spec.log_level, utc=spec.utc, apart=True)
    try:
        code = run_async(run_processes(spec, processes, health=health, reload=reload))
    except Ended as error:
        # In the log, which waits for no reader, and in its format: stderr may be a pipe that is full.
        _log.error("%s", error.message, exc_info=settings.debug)
        code = error.code
    sys.exit(code)
