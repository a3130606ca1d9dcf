"""`rate`: shows and changes how many runs may start in some time."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from ... import Rate
from ..changing.asking import confirm_by_name
from ..frame.connecting import connected, place_of, run_async
from ..frame.settings import Settings, common
from ..options.durations import duration_text, seconds_from
from ..output.output import Output

_RATE: Final = re.compile(r"(\d+)(?:/(\d.*|[a-z]+))?", re.IGNORECASE)
#: As in `100/m`.
_ONE_OF: Final = frozenset({"ms", "s", "m", "h", "d", "w"})


class _Rate(click.ParamType[Any]):
    """A rate such as `100/1m`, `100/m` or `5` (a second), or `none`."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the count and the seconds, or `()` for none; fail with a usage error."""
        if isinstance(value, tuple) or value == "none":
            return () if value == "none" else value
        if (found := _RATE.fullmatch(value)) is not None:
            per = found[2] or "1s"
            try:
                return int(found[1]), seconds_from(f"1{per}" if per.lower() in _ONE_OF else per)
            except ValueError:
                pass  # told below
        return self.fail(f"{value!r} is no rate: write 100/1m, 100/m, 5 (a second) or none", param, ctx)


@click.command("rate")
@click.argument("rate", type=_Rate(), required=False)
@click.option("--group", metavar="NAME", help="The group that it concerns. Default: all tasks.")
@click.option("--burst", type=int, metavar="N", help="The most starts in a burst. Default: what comes in 0.1 s.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def rate(settings: Settings, *, rate: Any, group: str | None, burst: int | None, yes: bool) -> None:
    """Show how many runs may start in some time, or set it to RATE: 100/1m, 5 (a second), or none.

    It holds over all schedulers, at once. On a terminal, the name of the namespace or queue has to be typed for a
    change; elsewhere --yes has to be given.
    """
    if rate is None:
        if burst is not None or yes:
            raise click.UsageError("--burst and --yes are for a change: say the RATE.")
        found = run_async(_get(settings, group))
        as_a_whole = "" if group else f" for the {'namespace' if settings.queue is None else 'queue'} as a whole"
        Output(settings).value(found, _text(found) if found else f"none{as_a_whole}")
        return
    if not rate and burst is not None:
        raise click.UsageError("--burst is not for no rate.")
    asked = Rate(rate[0], rate[1], burst=burst) if rate else None
    concerned = f"the group {group!r} in {place_of(settings)}" if group else place_of(settings)
    confirm_by_name(settings, f"Set the rate of {concerned} to {_text(asked)}", yes=yes)
    run_async(_set(settings, asked, group))
    Output(settings).value(asked, _text(asked))


def _text(rate: Rate | None) -> str:
    if rate is None:
        return "none"
    return f"{rate.count} starts in {duration_text(rate.per)}, in bursts of {rate.burst}"


async def _get(settings: Settings, group: str | None) -> Rate | None:
    async with connected(settings) as scheduler:
        return await scheduler.get_rate(group=group)


async def _set(settings: Settings, asked: Rate | None, group: str | None) -> None:
    async with connected(settings) as scheduler:
        await scheduler.set_rate(asked, group=group)
