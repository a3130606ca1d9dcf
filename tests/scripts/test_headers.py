"""The scripts and `records.py` take the same headers for readable."""

from __future__ import annotations

from importlib.resources import files
from itertools import product

import pytest

from interval_scheduler import storage
from interval_scheduler.model.records import CorruptRecord, parse

from .store import Store

pytestmark = pytest.mark.asyncio

FUNCTIONS = ("checks", "prelude", "recurrence")
SCRIPT = (
    "".join((files(storage) / "scripts" / "lua" / f"_{name}.lua").read_text() for name in FUNCTIONS)
    + """
local found = {}
for n, header in ipairs(ARGV) do
  local flags, interval, phase, grid = read_header(header)
  found[n] = { flags and 1 or 0, interval or '' }
end
return found
"""
)
FLAGS = (b"", b"s", b"b", b"sd", b"bd", b"d", b"ds", b"S", b"sb", b"ss", b" s", b"s ", b"s\t")
SCHEDULES = (
    b"",
    b" ",
    *(b" " + b" ".join(each) for n in (1, 2, 3, 4) for each in product((b"0", b"07", b"60"), repeat=n)),
)
ENDS = (b"", b" ", b"x", b"-1", b"\0")
HEADERS = [b"".join(each) for each in product(FLAGS, SCHEDULES, ENDS)]


def interval_by_records(header: bytes) -> list[int | bytes]:
    try:
        every_ms = parse(header + b"\nx").every_ms
    except CorruptRecord:  # as the scripts read it: unreadable
        return [0, b""]
    return [1, b"" if every_ms is None else b"%d" % every_ms]


async def test_the_same_headers_are_readable(store: Store) -> None:
    for at in range(0, len(HEADERS), 500):
        headers = HEADERS[at : at + 500]
        found = await store.client.execute_command("EVAL", SCRIPT, 0, *headers)
        assert dict(zip(headers, found, strict=True)) == {header: interval_by_records(header) for header in headers}
