"""Types of options that are durations or moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from .durations import is_duration, moment_from, seconds_from


class Duration(click.ParamType[float]):
    """An option that is a duration; its value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; fail with a usage error."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return seconds_from(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[Any]):
    """An option that is a moment; its value is an aware datetime."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment; fail with a usage error. A time without a zone is the machine's own, or UTC by `--utc`."""
        if isinstance(value, datetime):
            return value
        is_utc = bool(ctx and ctx.params.get("utc"))
        try:
            return moment_from(value, datetime.now(UTC) if is_utc else datetime.now(UTC).astimezone())
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Since(Moment):
    """An option that is a moment in the past; a duration alone is so long ago."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment; fail with a usage error."""
        return super().convert(f"-{value}" if isinstance(value, str) and is_duration(value) else value, param, ctx)


class Start(Moment):
    """An option that is a moment; `+15m` is left to the server's clock, as a span from now."""

    name = "start"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an aware datetime, or a timedelta for what starts with `+`."""
        if isinstance(value, str) and value.startswith("+"):
            return timedelta(seconds=Duration().convert(value[1:], param, ctx))
        return value if isinstance(value, datetime | timedelta) else super().convert(value, param, ctx)
