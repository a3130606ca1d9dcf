"""The options that every command has in common, and the `Settings` that come of them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from ...environment import PREFIX, URLS, urls_from
from ..options.adding import with_options
from ..options.times import Duration
from .exits import CONFIGURATION, Ended
from .fields import named_as_options

NAMESPACE_VARIABLE: Final = f"{PREFIX}NAMESPACE"


@dataclass(frozen=True)
class Settings:
    """The values of the common options of a command.

    Attributes:
        urls: the URLs of the partitions, in their order; not shown in the repr, since they may have a password.
        namespace: the namespace; `None`: that of the environment or the default.
        queue: the queue in the namespace; `None`: the namespace itself.
        as_json: write JSON, one value a line.
        quiet: write no words to stderr, and no header.
        color: write in colours where the output is a terminal.
        timeout: seconds to wait for a server to answer; `None`: those of the environment or the default.
        utc: show times in UTC instead of the machine's own zone.
        debug: show tracebacks.
    """

    urls: tuple[str, ...] = field(repr=False)
    namespace: str | None
    queue: str | None
    as_json: bool
    quiet: bool
    color: bool
    timeout: float | None
    utc: bool
    debug: bool

    def checked_urls(self) -> tuple[str, ...]:
        """Return the URLs.

        Raises:
            Ended: there are none.
        """
        if not self.urls:
            raise Ended(
                CONFIGURATION, f"Say where Redis is: --redis URL, --redis-file FILE, or {URLS} in the environment."
            )
        return self.urls


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the common options; its first argument becomes the `Settings`."""

    @functools.wraps(function)
    def command(
        *args: Any,
        redis: tuple[str, ...],
        redis_file: Path | None,
        namespace: str | None,
        queue: str | None,
        json: bool,
        quiet: bool,
        no_color: bool,
        timeout: float | None,
        utc: bool,
        debug: bool,
        **options: Any,
    ) -> Any:
        settings = Settings(
            urls=redis or _urls_of(redis_file) or urls_from(os.environ),
            namespace=namespace,
            queue=queue,
            as_json=json,
            quiet=quiet,
            color=not (no_color or os.environ.get("NO_COLOR")),
            timeout=timeout,
            utc=utc,
            debug=debug,
        )
        with named_as_options():
            return function(settings, *args, **options)

    return with_options(command, _OPTIONS)


def _urls_of(file: Path | None) -> tuple[str, ...]:
    """Return the URLs in a file, with blanks or line ends between. Lines that begin with `#` are not read."""
    if file is None:
        return ()
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise Ended(CONFIGURATION, f"--redis-file {file}: {problem}") from error
    urls = tuple(url for line in text.splitlines() if not line.lstrip().startswith("#") for url in line.split())
    if not urls:
        raise Ended(CONFIGURATION, f"--redis-file {file}: there is no URL in it")
    return urls


_OPTIONS: Final = (
    click.option("--redis", metavar="URL", multiple=True, help=f"A partition; repeat it for several. [env: {URLS}]"),
    click.option(
        "--redis-file",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help="A file with the URLs, so that no password is seen in the list of processes.",
    ),
    click.option("-n", "--namespace", metavar="NAME", help=f"The namespace. [env: {NAMESPACE_VARIABLE}]"),
    click.option("--queue", metavar="NAME", help="The queue in the namespace. Default: the namespace itself."),
    click.option("--json", is_flag=True, help="Write JSON, one value a line."),
    click.option("-q", "--quiet", is_flag=True, help="Write results only."),
    click.option("--no-color", is_flag=True, help="Write without colours, as with NO_COLOR in the environment."),
    click.option("--timeout", type=Duration(), help="How long a server may take. Default: 10s."),
    click.option("--utc", is_flag=True, is_eager=True, help="Read and show times in UTC."),
    click.option("--debug", is_flag=True, help="Show tracebacks."),
)
