"""The words of cron expressions that are translated, and those that are not known and named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, InvalidValue
from interval_scheduler.model.cron import check_cron, next_after
from interval_scheduler.model.cron_words import translate

DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def fires(expression: str, *, days: int = 400) -> list[datetime]:
    """When it fires in a year, in UTC."""
    moment, end = 1_893_456_000_000, 1_893_456_000_000 + days * 86_400_000
    found = []
    while (moment := next_after(check_cron(expression, "UTC")[0], "UTC", moment)) < end:
        found.append(datetime.fromtimestamp(moment / 1000, UTC))
    return found


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * sun"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("0 9 ? * mon", "0 9 * * mon"),
        ("0 9 1 * ?", "0 9 1 * *"),
        ("0 0 9 ? * mon", "0 0 9 * * mon"),
        ("0 9 * * fri-sun", "0 9 * * 0,5,6"),
        ("0 9 * * Sat-Tue", "0 9 * * 0,1,2,6"),
        ("0 9 * * 5-1", "0 9 * * 0,1,5,6"),
        ("0 9 * * 7-2", "0 9 * * 0,1,2"),
        ("0 9 * * 5-7", "0 9 * * 0,5,6"),
        ("0 22-2 * * *", "0 22,23,0,1,2 * * *"),
        ("0 22-3/2 * * *", "0 22,0,2 * * *"),
        ("0 9 1 nov-feb *", "0 9 1 1,2,11,12 *"),
        ("50-10/10 * * * *", "50,0,10 * * * *"),
        ("0 9 28-2 * *", "0 9 1,2,28,29,30,31 * *"),
        ("0 9 * * mon,fri-sun", "0 9 * * 0,1,5,6"),
    ],
)
def test_words_that_are_translated(word: str, meaning: str) -> None:
    assert fires(word) == fires(meaning)
    normal, _ = check_cron(word, "UTC")
    assert check_cron(normal, "UTC")[0] == normal, "as it is stored, it is not translated again"


@pytest.mark.parametrize("word", ["0 0 * * mon-fri", "*/5 1-3/2 L * *", "0 9 * * fri#2,5L", "0 0 LW jan-mar *"])
def test_what_is_known_stays_as_it_is(word: str) -> None:
    assert check_cron(word, "UTC") == (word, "UTC")


@given(st.integers(0, 7), st.integers(0, 7), st.integers(1, 4))
def test_any_range_of_days(first: int, last: int, step: int) -> None:
    assume((first, last) not in ((0, 7), (7, 0)))  # the whole week to the one, a Sunday to the other
    translated = translate(f"0 0 * * {first}-{last}/{step}")
    days = {(moment.weekday() + 1) % 7 for moment in fires(translated, days=9)}
    first %= 7 if first == 7 and last < 7 else 8
    length = last - first if last >= first else last + 7 - first
    assert days == {(first + n) % 7 for n in range(0, length + 1, step)}


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("@reboot", "there are @yearly, .*@hourly"),
        ("@every 5m", "there are @yearly"),
        ("0 0 12 * * ? 2030", "a field for the year"),
        ("* * * *", "has 4 fields, and needs five, or six"),
        ("? * * * *", r"the minute '\?' has '\?'"),
        ("0 0 ?,1 * *", r"the day of month '\?,1' has '\?'"),
        ("H * * * *", "the minute 'H' has 'H' of Jenkins"),
        ("0 0 L-3 * *", "the day of month 'L-3' has 'L-' of Quartz"),
        ("0 0 15W * *", "the day of month '15W' has 'W' of Quartz"),
        ("0 0 1#2 * *", "which belongs to a day of week"),
        ("0 0 * * 5#6", "the day of week '5#6' has '#'"),
        ("0 0 * * L", "the day of week 'L' has 'L' without the number"),
        ("0 0 * * friL", "the day of week 'FRIL' has 'L' behind a name"),
        ("0 0 * * fri-blue", "Bad day-of-week"),
        ("61-5 * * * *", "Bad minute"),
        ("5-1/0 * * * *", "Bad"),
    ],
)
def test_words_of_others_are_named(word: str, named: str) -> None:
    with pytest.raises(InvalidValue, match=named) as caught:
        IntervalTask("a", cron=word)
    assert caught.value.field == "cron"
    assert repr(word) in str(caught.value)


@pytest.mark.parametrize(
    "zone", ["localtime", "posixrules", "Factory", "right/Europe/Riga", "posix/UTC", "LocalTime", "right/UTC"]
)
def test_zones_that_differ_between_machines(zone: str) -> None:
    with pytest.raises(InvalidValue, match=r"^timezone must be the") as caught:
        IntervalTask("a", cron="* * * * *", timezone=zone)
    assert caught.value.field == "timezone"
    assert zone in str(caught.value)


def test_the_translation_has_a_bound_too() -> None:
    with pytest.raises(InvalidValue, match="must be at most 256 characters, got 4"):
        IntervalTask("a", cron=f"0 {','.join(['22-2'] * 46)} * * *")
