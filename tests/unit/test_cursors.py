"""The marks of pages: what was made is read again, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import InvalidType, InvalidValue
from interval_scheduler.model.cursors import is_score, read_mark, to_mark
from interval_scheduler.storage.pages import After, read_after
from interval_scheduler.storage.search import read_reached

without_nul = st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b""))


@given(st.lists(without_nul, max_size=3), st.binary(max_size=700))
def test_a_mark_is_read_again(parts: list[bytes], last: bytes) -> None:
    mark = to_mark("x", *parts, last)
    assert mark.isascii()
    assert read_mark("x", len(parts) + 1, mark) == (*parts, last)
    for kind, count in (("y", len(parts) + 1), ("x", len(parts) + 2 + last.count(b"\0"))):
        with pytest.raises(InvalidValue) as caught:
            read_mark(kind, count, mark)
        assert caught.value.field == "after"


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda raw: to_mark("wo", raw))))
def test_no_text_does_harm(text: str) -> None:
    """Whatever it is, it is a place or an error that names the argument."""
    for read in (
        lambda: read_after("waiting", text),
        lambda: read_after("dead", text, newest_first=True),
        lambda: read_reached("a", text),
    ):
        try:
            assert read() is not None
        except InvalidValue as error:
            assert error.field == "after"  # noqa: PT017 - both are right


@pytest.mark.parametrize("mark", [5, b"x", True, ["x"]])
def test_another_type_is_refused(mark: Any) -> None:
    with pytest.raises(InvalidType, match=r"^after "):
        read_mark("x", 1, mark)


def test_none_is_the_beginning() -> None:
    assert read_mark("x", 1, None) is None
    assert read_after("waiting", None) == After(0, is_parked=True, mark=None)
    assert read_after("leased", None) == After(0, is_parked=False, mark=None)
    assert read_reached("a", None) is None


@pytest.mark.parametrize(
    "parts",
    [
        (b"x", b"0", b"5", b"a"),
        (b"-5", b"0", b"5", b"a"),
        (b"0", b"2", b"5", b"a"),
        (b"0", b"", b"5", b"a"),
        (b"0", b"0", b"five", b"a"),
        (b"0", b"0", b"(5", b"a"),
        (b"0", b"0", b"5 5", b"a"),
    ],
)
def test_a_place_that_is_none(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(InvalidValue, match=r"^after "):
        read_after("waiting", to_mark("wo", *parts))


@pytest.mark.parametrize("text", [b"0", b"-1", b"1700000000000", b"1700000000000.5", b"1e+20", b"inf", b"-inf"])
def test_scores_as_redis_writes_them(text: bytes) -> None:
    assert is_score(text)


@pytest.mark.parametrize("text", [b"", b"nan", b"+5", b"[5", b"5\n", b" 5", b"1" * 40, b"0x10"])
def test_no_scores(text: bytes) -> None:
    assert not is_score(text)
