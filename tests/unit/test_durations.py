"""The one bound of all durations: what is just within is accepted, and what is above is refused by name."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from interval_scheduler import (
    ConfigurationError,
    IntervalTask,
    InvalidValue,
    Retry,
    Rules,
    Scheduler,
    SchedulerOptions,
    StorageOptions,
    current_run,
)
from interval_scheduler.model.checks import MAX_SECONDS
from interval_scheduler.testing import fake_run, time_machine
from tests.unit.naming import names

OPTIONS = [
    (kind, option.name)
    for kind in (SchedulerOptions, StorageOptions)
    for option in fields(kind)
    if option.name.endswith("_seconds")
]
TOO_LONG = [MAX_SECONDS + 1, 1e12, sys.maxsize, sys.float_info.max, 10**400]


def within(name: str, seconds: float) -> dict[str, Any]:
    """An option, and what else it needs."""
    return {name: seconds, **({"lease_seconds": MAX_SECONDS} if name == "lease_renewal_seconds" else {})}


def test_all_options_in_seconds_are_found() -> None:
    assert len(OPTIONS) >= 11


@pytest.mark.parametrize(("kind", "name"), OPTIONS)
@pytest.mark.parametrize("seconds", TOO_LONG)
def test_an_option_that_is_too_long(kind: type[Any], name: str, seconds: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**within(name, seconds))
    assert names(caught, f"storage.{name}" if kind is StorageOptions else name)


@pytest.mark.parametrize(("kind", "name"), OPTIONS)
def test_an_option_at_the_bound(kind: type[Any], name: str) -> None:
    longest = MAX_SECONDS / 4 if name == "lease_renewal_seconds" else MAX_SECONDS
    assert getattr(kind(**within(name, longest)), name) == longest


@pytest.mark.parametrize("seconds", [*TOO_LONG, timedelta(seconds=MAX_SECONDS, microseconds=1), timedelta.max])
def test_a_duration_of_a_task_that_is_too_long(seconds: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        IntervalTask("a", every=seconds)
    assert names(caught, "every")
    for name in ("timeout", "backoff"):
        with pytest.raises(InvalidValue) as caught:
            Rules(**{name: seconds, "retries": 1})
        assert names(caught, name)
    with pytest.raises(InvalidValue) as caught:
        Retry(after=seconds)
    assert names(caught, "after")


def test_a_duration_of_a_task_at_the_bound() -> None:
    IntervalTask("a", every=MAX_SECONDS, timeout=MAX_SECONDS, retries=1, backoff=MAX_SECONDS)
    assert Retry(after=timedelta(seconds=MAX_SECONDS)).after == MAX_SECONDS


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", TOO_LONG)
async def test_a_duration_of_a_call_that_is_too_long(seconds: float) -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        with pytest.raises(InvalidValue) as caught:
            await scheduler.stop_task_execute(drain_seconds=seconds)
        assert names(caught, "drain_seconds")
        with pytest.raises(InvalidValue) as caught:
            await scheduler.try_auto_lock("name", seconds)
        assert names(caught, "seconds")
        for bad in ({"seconds": seconds}, {"wait_seconds": seconds}):
            with pytest.raises(InvalidValue) as caught:
                async with scheduler.lock("name", **bad):
                    pytest.fail("locked")
            assert names(caught, *bad)


@pytest.mark.asyncio
@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "days"])
async def test_a_journey_that_is_too_long(unit: str) -> None:
    async with time_machine() as clock:
        with pytest.raises(InvalidValue) as caught:
            await clock.advance(**{unit: sys.maxsize})
        assert names(caught, unit)
        with pytest.raises(InvalidValue) as caught:
            await clock.run(asyncio.get_running_loop().create_future(), within=sys.maxsize)
        assert names(caught, "within")


def test_a_lag_that_is_too_long() -> None:
    with pytest.raises(InvalidValue) as caught, fake_run(id="a", lag=sys.maxsize):
        pytest.fail(current_run().id)
    assert names(caught, "lag")
