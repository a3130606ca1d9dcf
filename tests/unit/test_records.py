"""Records: the header as the scripts write it, and payloads that survive byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interval_scheduler.model.records import CorruptRecord, parse


def written(data: str | bytes, interval_ms: int | None, phase_ms: int, grid_ms: int, *, fixed_delay: bool) -> bytes:
    """A record as `assign.lua` writes it; the suite of the scripts ties this to the script itself."""
    header = b"s" if isinstance(data, str) else b"b"
    if fixed_delay:
        header += b"d"
    if interval_ms is not None:
        header += b" %d %d" % (interval_ms, phase_ms)
        if grid_ms > 1:
            header += b" %d" % grid_ms
    return header + b"\n" + (data.encode() if isinstance(data, str) else data)


@given(
    data=st.text() | st.binary(),
    interval_ms=st.none() | st.integers(min_value=1, max_value=10**12),
    phase_ms=st.integers(min_value=0, max_value=10**12),
    grid_ms=st.sampled_from([0, 1000, 60_000]),
    fixed_delay=st.booleans(),
)
@example(data="a\nb\n", interval_ms=None, phase_ms=0, grid_ms=0, fixed_delay=False)
@example(data="\0", interval_ms=1, phase_ms=0, grid_ms=0, fixed_delay=False)
@example(data=b"\0\n\xff\xfe", interval_ms=60_000, phase_ms=59_999, grid_ms=1000, fixed_delay=True)
@example(data="s 60000 0\nlike a header", interval_ms=None, phase_ms=0, grid_ms=0, fixed_delay=False)
@example(data="", interval_ms=None, phase_ms=0, grid_ms=0, fixed_delay=False)
@example(data=b"", interval_ms=5, phase_ms=4, grid_ms=0, fixed_delay=False)
def test_round_trip(data: str | bytes, interval_ms: int | None, phase_ms: int, grid_ms: int, fixed_delay: bool) -> None:  # noqa: FBT001 - Hypothesis gives it
    raw = written(data, interval_ms, phase_ms, grid_ms, fixed_delay=fixed_delay)
    record = parse(raw)
    assert record.data == data
    assert type(record.data) is type(data)
    assert record.every_ms == interval_ms
    assert b"\n" not in record.header
    assert raw.startswith(record.header + b"\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"s",
        b"s 60000 0",
        b"x\ndata",
        b" s\ndata",
        b"s \ndata",
        b"s 60000\ndata",
        b"s a 0\ndata",
        b"s 1 b\ndata",
        b"s 0x5 0\ndata",
        b"s -1 0\ndata",
        b"s 1.5 0\ndata",
        b"sdd\ndata",
        b"s 1 2 3 4\ndata",
        b"payload alone, of another program",
        "{}",
    ],
)
def test_what_is_no_record_is_told(raw: bytes | str) -> None:
    with pytest.raises(CorruptRecord, match=r"header cannot be read"):
        parse(raw.encode() if isinstance(raw, str) else raw)


def test_text_that_is_no_text_is_told() -> None:
    with pytest.raises(CorruptRecord, match=r"not UTF-8"):
        parse(b"s\n\xff\xfe")
    assert parse(b"b\n\xff\xfe").data == b"\xff\xfe"


@given(st.binary(max_size=64))
def test_whatever_stands_there_is_read_or_refused(raw: bytes) -> None:
    # Nothing but CorruptRecord may come out, or one garbled record would stop a poller.
    try:
        record = parse(raw)
    except CorruptRecord:  # it was refused, as it may be
        return
    payload = record.data.encode() if isinstance(record.data, str) else record.data
    assert record.header + b"\n" + payload == raw
