"""Serves the dashboard of a namespace until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp

from ... import PartitionOffline, Scheduler
from ...cli.frame.connecting import actor_name, namespace_of, scheduler_of
from ...cli.frame.exits import mute, refuse
from ...cli.frame.settings import Settings
from ...cli.output.output import Output
from ..answers import Answers
from ..app import guarded, pages_of
from ..guard.access import Level
from ..guard.actors import Actor
from ..guard.hosts import check_hosts
from ..registry import PAGES
from ..serving import Site
from .door import Door
from .keys import FileKey, OneTimeKey, read_key
from .opening import Opening
from .place import Place, checked_root, listening, place_at
from .sessions import Sessions
from .tries import Tries

#: Seconds from one attempt to connect to the next, until the first succeeds. Then the scheduler does it by itself.
_PAUSE_SECONDS: Final = 1.0
#: Seconds for the first attempt. After that the link is shown all the same.
_FIRST_SECONDS: Final = 3.0
#: Seconds for requests in progress when a signal comes.
_DRAIN_SECONDS: Final = 3
#: The variable of the environment by which uvicorn is told the addresses of the proxies in front.
_PROXIES: Final = "FORWARDED_ALLOW_IPS"
#: The first parts of paths of the dashboard, beside the names of its pages.
_TAKEN: Final = frozenset({"static", "do", "sign-in", "sign-out"})


@dataclass(frozen=True)
class Plan:
    """The wishes of who starts a dashboard.

    Attributes:
        host: the host to listen at.
        port: the port; 0 for any that is free.
        token_file: the file with the token; `None`: a link that works once.
        level: what those may do who sign in.
        hosts: more names that are answered.
        root: the path under which a proxy shows it.
        is_opened: a browser is opened.
    """

    host: str
    port: int
    token_file: Path | None
    level: Level
    hosts: tuple[str, ...]
    root: str
    is_opened: bool


async def serve(settings: Settings, plan: Plan) -> None:
    """Serve a dashboard until it is cancelled.

    Raises:
        Ended: an option cannot be used, or it would not be safe.
        SchedulerError: there is something wrong with the namespace or its servers, other than that they are away.
    """
    out = Output(settings)
    place = place_at(plan.host, plan.port)
    root = checked_root(plan.root, _TAKEN | {page.name for page in PAGES if page.name})
    if not place.is_loopback and plan.token_file is None:
        refuse(f"--host {plan.host}: others than this machine would reach the dashboard. It needs a --token-file then.")
    lasting = None if plan.token_file is None else read_key(plan.token_file, out.say)
    hosts = check_hosts((*place.names, *plan.hosts))
    scheduler = scheduler_of(settings)
    with listening(place) as listener, Opening(out.say) as opening:
        async with _connecting(scheduler, out) as connecting:
            address = _address(place, listener, root)
            key = lasting or OneTimeKey(lambda token: _tell(out, opening, f"{address}?token={token}", plan))
            if lasting is not None:
                _tell(out, opening, address, plan)
            answers = Answers(PAGES, namespace_of(settings), can_sign_out=True)
            site = Site(scheduler, lambda _: plan.level, _actor(lasting), None, answers)
            cookie = f"interval_scheduler_{listener.getsockname()[1]}"

            def with_door(app: ASGIApp) -> ASGIApp:
                return Door(app, key, answers, cookie, Sessions(), Tries())

            app = guarded(pages_of(site, answers), hosts, root=root, inside=with_door)
            await _serve(app, listener, connecting)


def _address(place: Place, listener: socket.socket, root: str) -> str:
    host = socket.gethostname() if place.is_everywhere else place.host
    return f"http://{host}:{listener.getsockname()[1]}{root}/"


def _tell(out: Output, opening: Opening, url: str, plan: Plan) -> None:
    """Show a link; the first is opened in a browser too, if that is wished.

    Somebody may read the first link alone, and close the output; or its disk is full. That must not fail who signs in.
    """
    if plan.token_file is None:
        out.say("The dashboard is open to who has this link. It works once; then a new one is shown here.")
    try:
        out.value({"url": url}, url)
    except OSError:
        mute()
        out.say("The output cannot be written, so no link is shown any more. A --token-file signs in again and again.")
    if plan.is_opened:
        opening.open_once(url)


def _actor(lasting: FileKey | None) -> Actor | None:
    """Return who acts: of a link it is who started the dashboard, and read it; else the addresses tell them apart."""
    name = actor_name()

    def of_link(_: Request) -> str:
        return name

    return of_link if lasting is None else None


class _Server(uvicorn.Server):
    """A server that leaves the signals to the command."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(app: ASGIApp, listener: socket.socket, connecting: asyncio.Task[None]) -> None:
    """Serve until it is cancelled, or until connecting fails for good."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,  # it would write the token of a link
        server_header=False,
        # By itself, uvicorn believes loopback: any program of this machine could take another address for each wrong
        # token, and so never have to wait, or the address of somebody else in the log of actions.
        proxy_headers=bool(os.environ.get(_PROXIES)),
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        ended, _ = await asyncio.wait({serving, connecting}, return_when=asyncio.FIRST_EXCEPTION)
        for each in ended:
            each.result()
    finally:
        server.should_exit = True
        await asyncio.wait({serving})


@contextlib.asynccontextmanager
async def _connecting(scheduler: Scheduler, out: Output) -> AsyncIterator[asyncio.Task[None]]:
    """Connect in the background for the length of a block, which begins when the first attempt has ended.

    Yields:
        The task that goes on until it has connected.
    """
    was_tried = asyncio.Event()
    connecting = asyncio.create_task(_connect(scheduler, out, was_tried))
    try:
        with contextlib.suppress(TimeoutError):  # of a server that hangs the pages tell
            async with asyncio.timeout(_FIRST_SECONDS):
                await was_tried.wait()
        if connecting.done():
            connecting.result()
        yield connecting
    finally:
        connecting.cancel()
        await asyncio.wait({connecting})
        await scheduler.close()


async def _connect(scheduler: Scheduler, out: Output, was_tried: asyncio.Event) -> None:
    """Connect, and use only what is there; while no partition can be reached, pages say so and it goes on trying."""
    told = ""
    while True:
        try:
            await scheduler.connect(create=False)
        except PartitionOffline as error:
            if str(error) != told:
                told = str(error)
                out.say(f"Redis cannot be reached, so the pages cannot show much yet: {told}")
        else:
            if told:
                out.say("Redis is reached now.")
            return
        finally:
            was_tried.set()
        await asyncio.sleep(_PAUSE_SECONDS)
