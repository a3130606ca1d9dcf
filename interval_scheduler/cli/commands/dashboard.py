"""`dashboard`: pages for a browser, served until a signal ends them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import click

from ..frame.connecting import run_async
from ..frame.exits import CONFIGURATION, Ended
from ..frame.loading import loading
from ..frame.settings import Settings, common

#: It is loaded by its name, as commands are: the dashboard imports parts of the command line, and not the reverse.
_SERVING: Final = "interval_scheduler.dashboard.alone.serving"
_OF_THE_EXTRA: Final = frozenset({"jinja2", "starlette", "uvicorn"})


@click.command("dashboard")
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8321, show_default=True, help="The port; 0 for any.")
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file whose first line is the token to sign in with. Default: a link that works once.",
)
@click.option(
    "--allow",
    type=click.Choice(["read", "operate", "admin"]),
    default="read",
    show_default=True,
    help="What may be done there: look; steer tasks; change, remove and clear them too.",
)
@click.option("--allowed-host", metavar="NAME", multiple=True, help="One more name that the dashboard is known by.")
@click.option("--root-path", metavar="PATH", default="", help="The path under which a proxy shows it.")
@click.option("--open", is_flag=True, help="Open a browser.")
@common
def dashboard(
    settings: Settings,
    *,
    host: str,
    port: int,
    token_file: Path | None,
    allow: str,
    allowed_host: tuple[str, ...],
    root_path: str,
    open: bool,
) -> None:
    """Serve pages that show the namespace and its queues in a browser, until SIGINT or SIGTERM.

    On loopback it writes a link that works once. Other machines reach it with --host and a --token-file only. It makes
    nothing anew in Redis, and changes something only with --allow.
    """
    if settings.queue is not None:
        raise click.UsageError("The dashboard shows the namespace and all its queues: choose the queue there.")
    serving = _loaded()
    plan = serving.Plan(host, port, token_file, allow, allowed_host, root_path, open)
    run_async(serving.serve(settings, plan))


def _loaded() -> Any:
    """Load the dashboard.

    Raises:
        Ended: packages of its extra are missing.
    """
    try:
        with loading():
            return importlib.import_module(_SERVING)
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        words = "The dashboard needs more packages: pip install 'interval-scheduler[cli,dashboard]'"
        raise Ended(CONFIGURATION, words) from error
