"""Shows `top`: as text, or on a screen."""

from __future__ import annotations

import asyncio
import importlib.util
import os

from ..frame.connecting import connected, namespace_of
from ..frame.exits import CONFIGURATION, Ended
from ..frame.names import NAME
from ..frame.settings import Settings
from ..output.output import Output
from .frame import View, frame_of
from .plain import plain_text
from .reading import read
from .watching import Watched, watch


async def show_lines(settings: Settings, interval: float, *, once: bool) -> None:
    """Write frames as text, or readings as JSON: one, or one each `interval` seconds."""
    out, watched = Output(settings), Watched()
    async with connected(settings) as scheduler:
        while True:
            reading = await read(scheduler)
            watched = watch(watched, reading)
            frame = frame_of(reading, watched, View(), out.clock)
            out.value(reading, plain_text(frame, _title(settings)))
            if once:
                return
            if not settings.as_json:
                out.write("")
            await asyncio.sleep(interval)


async def show_screen(settings: Settings, interval: float) -> None:
    """Show frames on the terminal until somebody ends it.

    Raises:
        Ended: the extra `top` is not installed, or it was ended by a signal, or at the keyboard by Ctrl+C.
    """
    if importlib.util.find_spec("textual") is None:
        raise Ended(
            CONFIGURATION,
            "The screen needs one more package: pip install 'interval-scheduler[top]'; --plain writes text without it.",
        )
    if not settings.color:
        os.environ["NO_COLOR"] = "1"  # it is how Textual is told
    from .screen import TopApp  # noqa: PLC0415 - only a screen needs Textual

    async with connected(settings) as scheduler:
        app = TopApp(scheduler, Output(settings), _title(settings), interval, is_dark=_is_dark())
        code = await app.run_async()
    if app.failure is not None:
        raise app.failure
    if code:
        raise Ended(code)


def _title(settings: Settings) -> str:
    queue = "" if settings.queue is None else f", queue {settings.queue}"
    return f"{NAME}: namespace {namespace_of(settings)}{queue}"


def _is_dark() -> bool:
    """Tell if the terminal says that its ground is dark, as some do; dark if it says nothing."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] not in ("7", "15")
