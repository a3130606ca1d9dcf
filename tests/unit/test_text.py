"""Texts of the application in one line of a log."""

from __future__ import annotations

import pytest

from interval_scheduler.support.text import MAX_DESCRIPTION, describe, one_line


class Panic(BaseException):
    """As those of Rust."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, größer", "plain, größer"),
        ("x\n2026-11-28 INFO forged", "x\\n2026-11-28 INFO forged"),
        ("x\r\t\0", "x\\r\\t\\x00"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\u202eright to left", "\\u202eright to left"),
        ("\u2028\x85", "\\u2028\\x85"),
        ("\ud800", "\\ud800"),
    ],
)
def test_nothing_forges_a_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
    assert describe(ValueError(text)) == f"ValueError: {shown}"


class _Unprintable(Exception):
    def __init__(self, raised: BaseException) -> None:
        self._raised = raised

    def __str__(self) -> str:
        raise self._raised


@pytest.mark.parametrize("raised", [ValueError(), Panic(), RecursionError()])
def test_an_error_that_cannot_be_shown_is_named(raised: BaseException) -> None:
    assert describe(_Unprintable(raised)) == "_Unprintable"
    assert describe(ExceptionGroup("two", [_Unprintable(ValueError()), KeyError("k")])) == (
        "ExceptionGroup: two (2 sub-exceptions): _Unprintable; KeyError: 'k'"
    )


def test_the_end_of_the_process_goes_through() -> None:
    with pytest.raises(SystemExit):
        describe(_Unprintable(SystemExit()))


def test_a_group_is_flattened() -> None:
    inner = BaseExceptionGroup("inner", [Panic("p"), ValueError("v")])
    shown = describe(BaseExceptionGroup("outer", [inner, KeyError("k")]))
    assert shown == "BaseExceptionGroup: outer (2 sub-exceptions): Panic: p; ValueError: v; KeyError: 'k'"


def test_an_error_without_a_text_is_its_name() -> None:
    assert describe(ValueError()) == "ValueError"


def test_descriptions_are_bounded() -> None:
    assert len(describe(ValueError("x" * 5000))) == MAX_DESCRIPTION
    assert len(describe(ValueError("\n" * 5000))) == MAX_DESCRIPTION
    assert len(describe(ExceptionGroup("g", [ValueError("x" * 100)] * 50))) == MAX_DESCRIPTION
