"""Checks of single values: what passes and in which wire form, what does not and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import InvalidType, InvalidValue
from interval_scheduler.model.checks import (
    MAX_DATA_BYTES,
    MAX_EPOCH_SECONDS,
    MAX_ID_BYTES,
    MAX_SECONDS,
    MIN_EPOCH_SECONDS,
    check_data,
    check_interval,
    check_moment,
    check_name,
    check_number,
    check_seconds,
    check_start,
)

#: An int above every float.
HUGE = pytest.param(10**400, id="10**400")


def long(data: str | bytes) -> str | None:
    """Short test ids for long data."""
    return f"{type(data).__name__}-{len(data)}" if len(data) > 20 else None


@pytest.mark.parametrize("value", [0, 1, -3, 2.5, 1e300])
def test_number_passes(value: float) -> None:
    assert check_number("field", value) == value


@pytest.mark.parametrize("value", ["1", None, True, False, Decimal(1), 1j, timedelta(1)])
def test_number_of_a_wrong_type(value: object) -> None:
    with pytest.raises(InvalidType, match=rf"^field must be a number of seconds, not {type(value).__name__}$"):
        check_number("field", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), HUGE])
def test_number_that_is_not_finite(value: float) -> None:
    with pytest.raises(InvalidValue, match=r"^field "):
        check_number("field", value)


def test_seconds_from_a_number_and_from_a_timedelta() -> None:
    assert check_seconds("field", 1.5) == 1.5
    assert check_seconds("field", timedelta(minutes=2)) == 120


@pytest.mark.parametrize("value", [0, -1, -0.0, timedelta(0), timedelta(seconds=-5)])
def test_seconds_must_be_positive(value: object) -> None:
    with pytest.raises(InvalidValue, match=r"^field must be above 0"):
        check_seconds("field", value)


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (1, 1000),
        (0.001, 1),
        (0.0014, 1),
        (0.1, 100),  # 0.1 has no exact binary form; the nearest millisecond is meant
        (1.0005, 1000),
        (timedelta(milliseconds=250), 250),
        (timedelta(days=3), 259_200_000),
        (MAX_SECONDS, MAX_SECONDS * 1000),
    ],
)
def test_interval_in_milliseconds(value: float | timedelta, milliseconds: int) -> None:
    assert check_interval("every", value) == milliseconds


@pytest.mark.parametrize(
    "value",
    [0, -1, 0.0004, float("nan"), float("inf"), HUGE, MAX_SECONDS + 1, timedelta.max, timedelta(0)],
)
def test_interval_out_of_range(value: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^every "):
        check_interval("every", value)


@pytest.mark.parametrize("value", [True, False, "60", b"60", None, Decimal(60), [60]])
def test_interval_of_a_wrong_type(value: Any) -> None:
    with pytest.raises(InvalidType, match=rf"^every must be .*, not {type(value).__name__}$"):
        check_interval("every", value)


def test_interval_against_the_rounding_grid() -> None:
    assert check_interval("every", 60, grid_ms=60_000) == 60_000
    assert check_interval("every", 61.5, grid_ms=60_000) == 61_500
    with pytest.raises(InvalidValue, match=r"^every of 59\.999 seconds is below the rounding grid task_interval_"):
        check_interval("every", 59.999, grid_ms=60_000)


@given(st.integers(min_value=1, max_value=MAX_SECONDS * 1000))
def test_interval_keeps_every_whole_millisecond(milliseconds: int) -> None:
    assert check_interval("every", milliseconds / 1000) == milliseconds
    assert check_interval("every", timedelta(milliseconds=milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (MIN_EPOCH_SECONDS, MIN_EPOCH_SECONDS * 1000),
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000.1234, 1_700_000_000_123),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(2024, 2, 29, 12, 0, 0, 500_000, tzinfo=UTC), 1_709_208_000_500),
        (datetime(2024, 2, 29, 13, tzinfo=timezone(timedelta(hours=1))), 1_709_208_000_000),
    ],
)
def test_moment_in_milliseconds(value: float | datetime, milliseconds: int) -> None:
    assert check_moment("start", value) == milliseconds


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (-1, "before 1970"),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), "before 1970"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (datetime(2024, 1, 1), "aware datetime"),  # noqa: DTZ001 - naive on purpose
        (1_700_000_000_000, "looks like milliseconds: give seconds since 1970, 1700000000.000"),
        (MAX_EPOCH_SECONDS, "looks like milliseconds"),
    ],
)
def test_moment_out_of_range(value: float | datetime, says: str) -> None:
    with pytest.raises(InvalidValue, match=rf"^start .*{says}"):
        check_moment("start", value)


@pytest.mark.parametrize("value", ["now", True, None, Decimal(1)])
def test_moment_of_a_wrong_type(value: object) -> None:
    with pytest.raises(InvalidType, match=rf"^start must be .*, not {type(value).__name__}$"):
        check_moment("start", value)


@pytest.mark.parametrize(
    "name", ["a", "a{b}c", "*?[x]\\", "a:b", " ", "\n", "ü" * 256, "x" * MAX_ID_BYTES, "日本", "🙂"]
)
def test_name_is_taken_literally(name: str) -> None:
    assert check_name("id", name) == name.encode()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty"),
        ("x" * (MAX_ID_BYTES + 1), "at most 512 bytes, got 513"),
        ("ü" * 257, "at most 512 bytes, got 514"),
        ("a\0b", "NUL"),
        ("a\ud800", "surrogate"),
    ],
)
def test_name_out_of_range(name: str, says: str) -> None:
    with pytest.raises(InvalidValue, match=rf"^id .*{says}"):
        check_name("id", name)


@pytest.mark.parametrize("name", [b"a", 1, None, ["a"]])
def test_name_of_a_wrong_type(name: object) -> None:
    with pytest.raises(InvalidType, match=rf"^id must be a str, not {type(name).__name__}$"):
        check_name("id", name)


@given(st.text(min_size=1, max_size=128))
def test_name_either_passes_unchanged_or_is_refused_by_a_rule(name: str) -> None:
    allowed = "\0" not in name and not any(0xD800 <= ord(char) <= 0xDFFF for char in name)
    if allowed:
        assert check_name("id", name).decode() == name
    else:
        with pytest.raises(InvalidValue):
            check_name("id", name)


@pytest.mark.parametrize(
    "data", ["", b"", "text\0", b"\x00\xff\xfe\n", "x" * MAX_DATA_BYTES, b"x" * MAX_DATA_BYTES], ids=long
)
def test_data_passes(data: str | bytes) -> None:
    assert check_data("data", data) == (data.encode() if isinstance(data, str) else data)


@pytest.mark.parametrize(
    "data", ["x" * (MAX_DATA_BYTES + 1), b"x" * (MAX_DATA_BYTES + 1), "ü" * (MAX_DATA_BYTES // 2 + 1)], ids=long
)
def test_data_over_the_limit(data: str | bytes) -> None:
    with pytest.raises(InvalidValue, match=rf"^data must be at most {MAX_DATA_BYTES} bytes, got "):
        check_data("data", data)


def test_data_that_is_not_utf8_text() -> None:
    with pytest.raises(InvalidValue, match=r"^data must not contain lone surrogates: serialize to bytes instead$"):
        check_data("data", "\udfff")


@pytest.mark.parametrize("data", [None, 1, {"a": 1}, bytearray(b"a"), memoryview(b"a")])
def test_data_of_a_wrong_type(data: object) -> None:
    with pytest.raises(InvalidType, match=rf"^data must be str or bytes, not {type(data).__name__}$"):
        check_data("data", data)


@pytest.mark.parametrize("value", [0, 60, 3600.5, MIN_EPOCH_SECONDS - 1])
def test_a_number_that_is_meant_from_now_is_refused_with_a_hint(value: float) -> None:
    with pytest.raises(InvalidValue, match=rf"^start is {value:g}, which is in January 1970: .*, a timedelta$"):
        check_start("start", value)
    with pytest.raises(InvalidValue, match=r"^until is .*, time\.time\(\) \+ seconds$"):
        check_moment("until", value)


def test_a_start_from_now() -> None:
    assert check_start("start", timedelta(minutes=1)) == 60_000
    assert check_start("start", timedelta(0)) == 0
    assert check_start("start", 1_700_000_000) == 1_700_000_000_000
    for bad in (timedelta(seconds=-1), timedelta(seconds=MAX_SECONDS + 1)):
        with pytest.raises(InvalidValue, match=r"^start must be "):
            check_start("start", bad)


def test_a_last_moment_is_none_from_now() -> None:
    with pytest.raises(InvalidType, match=r"^until must be .*, not a timedelta: it would move with each call$"):
        check_moment("until", timedelta(1))
