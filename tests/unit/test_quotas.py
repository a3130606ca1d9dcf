"""Rates and bounds of groups as the application gives them: their checks, their defaults, their wire form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import (
    BlockingScheduler,
    ConfigurationError,
    ConfigurationTypeError,
    InvalidType,
    InvalidValue,
    Rate,
    Scheduler,
    SchedulerOptions,
)
from interval_scheduler.model.quotas import encode_caps, from_caps, to_caps


@pytest.mark.parametrize(
    ("make", "error", "field"),
    [
        (lambda: Rate(0), InvalidValue, "count"),
        (lambda: Rate(1_000_001), InvalidValue, "count"),
        (lambda: Rate(cast("Any", 1.5)), InvalidType, "count"),
        (lambda: Rate(count=True), InvalidType, "count"),
        (lambda: Rate(1, per=0), InvalidValue, "per"),
        (lambda: Rate(1, per=0.0004), InvalidValue, "per"),
        (lambda: Rate(1, per=32 * 86_400), InvalidValue, "per"),
        (lambda: Rate(1, per=float("nan")), InvalidValue, "per"),
        (lambda: Rate(1, per=cast("Any", "1")), InvalidType, "per"),
        (lambda: Rate(1, burst=0), InvalidValue, "burst"),
        (lambda: Rate(1, burst=cast("Any", "2")), InvalidType, "burst"),
        (lambda: to_caps("caps", 0), InvalidValue, "caps"),
        (lambda: to_caps("caps", "5"), InvalidType, "caps"),
        (lambda: to_caps("caps", {"a": 0}), InvalidValue, "caps['a']"),
        (lambda: to_caps("caps", {"a;b": 1}), InvalidValue, "caps"),
        (lambda: to_caps("caps", {7: 1}), InvalidType, "caps"),
        (lambda: to_caps("caps", {f"{n}": 1 for n in range(1001)}), InvalidValue, "caps"),
    ],
)
def test_bad_values_name_their_field(make: Callable[[], object], error: type[InvalidValue], field: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("value", "error", "field"),
    [
        (0, ConfigurationError, "group_concurrency"),
        ("5", ConfigurationTypeError, "group_concurrency"),
        ({"a": "5"}, ConfigurationTypeError, "group_concurrency['a']"),
        ({f"{n}": 1 for n in range(101)}, ConfigurationError, "group_concurrency"),
    ],
)
def test_bad_options_name_their_field(value: object, error: type[ConfigurationError], field: str) -> None:
    with pytest.raises(error) as caught:
        SchedulerOptions(group_concurrency=cast("Any", value))
    assert caught.value.field == field


def test_an_option_may_be_lower_than_the_number_of_partitions() -> None:
    Scheduler.from_url("memory://a", "memory://b", group_concurrency=1)
    Scheduler.from_url("memory://a", "memory://b", group_concurrency={"a": 1, "*": 7})


def test_a_rate_is_a_value() -> None:
    rate = Rate(100, per=timedelta(minutes=1))
    assert (rate.count, rate.per, rate.burst) == (100, 60.0, 1)
    assert rate == Rate(100, 60) != Rate(100, 60, burst=2)
    assert dataclasses.replace(rate, count=10) == Rate(10, per=60)
    assert repr(rate) == "Rate(count=100, per=60.0, burst=1)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        rate.count = 3  # type: ignore[misc]


@pytest.mark.parametrize(("count", "per", "burst"), [(100, 1, 10), (9, 1, 1), (1, 3600, 1), (10_000, 1, 1000)])
def test_as_many_at_once_as_come_in_a_tenth_of_a_second(count: int, per: float, burst: int) -> None:
    assert Rate(count, per).burst == burst


@given(st.integers(1, 10**6), st.integers(1, 31 * 86_400_000), st.integers(1, 10**6))
def test_what_scripts_read_is_the_same_rate(count: int, per_ms: int, burst: int) -> None:
    rate = Rate(count, per_ms / 1000, burst=burst)
    assert Rate.decode(rate.encode()) == rate
    assert burst * per_ms < 2**52, "whole numbers of Lua"


@pytest.mark.parametrize("text", [b"", b"1 2", b"x 1 1", b"0 1 1", b"1 0 1", b"1 1 9999999999"])
def test_what_cannot_be_read_is_no_rate(text: bytes) -> None:
    assert Rate.decode(text) is None


def test_bounds() -> None:
    assert to_caps("caps", 5) == {"*": 5}
    assert to_caps("caps", {"a": 1}) == {"*": 0, "a": 1}
    assert to_caps("caps", {}) == {"*": 0}
    assert [from_caps(caps) for caps in ({}, {"*": 0}, {"*": 0, "a": 1}, {"*": 5})] == [None, {}, {"a": 1}, {"*": 5}]
    assert encode_caps(None) == b"0"
    assert encode_caps(7) == b"7"
    assert encode_caps({"a": 1, "ж": 2}) == "0\na\n1\nж\n2".encode()
    assert encode_caps({"*": 3, "a": 1}) == b"3\na\n1"


def test_without_an_event_loop(namespace: str) -> None:
    with BlockingScheduler.from_url("memory://", namespace=namespace) as scheduler:
        scheduler.set_rate(Rate(5, per=60))
        scheduler.set_group_concurrency({"a": 1})
        assert (scheduler.get_rate(), scheduler.get_rate(group="a")) == (Rate(5, per=60), None)
        assert scheduler.get_group_concurrency() == {"a": 1}
