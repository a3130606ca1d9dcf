"""`import --from`: reads the schedules of a peer, carries them over, and tells what came of it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, Literal

from ... import IntervalTask, UnknownNamespace
from ..frame.connecting import connected, run_async
from ..frame.exits import NO, RIGHTS, UNREACHABLE, USAGE, Ended
from ..frame.settings import Settings
from ..output.output import Output
from . import celery_beat
from .celery_beat import MOST_BYTES, NoSchedule
from .found import Carried, Found, LeftOut
from .moving_in import Report, move_in
from .source import SourceFailed, read

_FILE: Final = "celery-beat-json"


def import_from(
    settings: Settings,
    peer: str,
    sources: Sequence[str],
    *,
    key_prefix: str | None,
    timezone: str,
    on_conflict: Literal["skip", "replace"],
    dry_run: bool,
) -> None:
    """Carry the schedules of a peer over, or say what would become of them.

    Args:
        settings: the common options.
        peer: the name of the peer.
        sources: the URLs of its servers, or `@FILE` with one in it; for `celery-beat-json` one file, `-` for stdin.
        key_prefix: how its keys begin. Default: as they usually do.
        timezone: the time zone of cron expressions that have none.
        on_conflict: as for `Scheduler.restore`.
        dry_run: change nothing.

    Raises:
        Ended: the source cannot be read, or some schedules cannot be carried over.
        InvalidValue: the time zone is not known.
    """
    IntervalTask("a check of the time zone", cron="0 0 * * *", timezone=timezone)
    if peer == _FILE:
        schedules = _each(_entries(sources[0], timezone))  # it is read here: a read from stdin blocks
    else:
        schedules = _of_servers(peer, [_url(each) for each in sources], key_prefix, timezone)
    report = run_async(_move(settings, schedules, peer, on_conflict, dry_run=dry_run))
    _tell(Output(settings), report, settings, dry_run=dry_run)


async def _move(
    settings: Settings,
    schedules: AsyncIterator[Found],
    peer: str,
    on_conflict: Literal["skip", "replace"],
    *,
    dry_run: bool,
) -> Report:
    try:
        schedules = await _begun(schedules)
        try:
            async with connected(settings, create=not dry_run) as scheduler:
                return await move_in(scheduler, schedules, peer, on_conflict=on_conflict, dry_run=dry_run)
        except UnknownNamespace:  # in a dry run alone: all of them are new
            return await move_in(None, schedules, peer, on_conflict=on_conflict, dry_run=True)
    except SourceFailed as failed:
        raise Ended(RIGHTS if failed.is_refused else UNREACHABLE, f"The source {failed}") from failed


async def _begun(schedules: AsyncIterator[Found]) -> AsyncIterator[Found]:
    """Read the first schedule, so that a source that cannot be read makes no namespace; return all of them."""
    first = await anext(schedules, None)

    async def found() -> AsyncIterator[Found]:
        if first is not None:
            yield first
        async for each in schedules:
            yield each

    return found()


async def _of_servers(peer: str, urls: Sequence[str], prefix: str | None, zone: str) -> AsyncGenerator[Found, None]:
    for url in urls:
        async with aclosing(read(peer, url, prefix, zone)) as schedules:
            async for found in schedules:
                yield found


async def _each(entries: Iterable[Found]) -> AsyncIterator[Found]:
    for found in entries:
        yield found


def _entries(file: str, zone: str) -> Iterable[Found]:
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Ended(USAGE, f"{file}: it has more than {MOST_BYTES >> 20} MiB")
        return celery_beat.read(raw, zone)
    except NoSchedule as problem:
        raise Ended(USAGE, f"{file}: {problem}") from None
    except OSError as error:
        raise Ended(USAGE, f"{file}: {error.strerror}") from None


def _url(source: str) -> str:
    """Return the URL, or the one in the file that is named with an `@`."""
    if not source.startswith("@"):
        return source
    try:
        return Path(source[1:]).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise Ended(USAGE, f"{source[1:]}: {problem}") from None


def _tell(out: Output, report: Report, settings: Settings, *, dry_run: bool) -> None:
    values: list[dict[str, Any]] = [
        {"id": each.id, "left_out": isinstance(each, LeftOut), "why": _why(each)} for each in report.told
    ]
    if values or settings.as_json:
        rows = ((each["id"], "left out" if each["left_out"] else "differs", "; ".join(each["why"])) for each in values)
        out.rows(("id", "what", "why"), rows, values)
    counts = report.counts
    summary = {
        "found": report.found,
        "carried": report.carried,
        "left_out": report.left_out,
        "new": counts.restored,
        "skipped": counts.skipped,
        "replaced": counts.replaced,
    }
    if settings.as_json:
        out.value(summary, "")
    would = "would be " if dry_run else ""
    out.say(
        f"{report.found:,} schedules found: {report.carried:,} {would}carried over ({counts.restored:,} new, "
        f"{counts.skipped:,} exist and stay, {counts.replaced:,} {would}replaced), {report.left_out:,} left out"
    )
    if report.left_out:
        raise Ended(NO)


def _why(found: LeftOut | Carried) -> list[str]:
    return [found.reason] if isinstance(found, LeftOut) else list(found.notes)
