"""Pickles are read without unpickling, whatever is in them."""

from __future__ import annotations

import os
import pickle
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from interval_scheduler.cli.moving.apscheduler import job_of
from interval_scheduler.cli.moving.found import CannotCarry, Carried, LeftOut, payload
from interval_scheduler.cli.moving.inert import CannotRead, Made, Name, read
from interval_scheduler.cli.moving.python_types import moment_of, span_of
from interval_scheduler.cli.moving.redbeat import Record as Redbeat
from interval_scheduler.cli.moving.redbeat import read as read_redbeat
from interval_scheduler.cli.moving.rq_scheduler import FIELDS, Record
from interval_scheduler.cli.moving.rq_scheduler import job_of as rq_job_of

PLAIN: Final[list[Any]] = [
    None, True, False, 0, 255, 65_535, -1, 2**31, -(2**40), 2**200, 1.5, float("inf"), "", "ä" * 300,
    b"", b"\xff" * 300, bytearray(b"x"), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4),
    [], [1, [2, {"a": ()}]], {}, {"a": 1, 2: "b", None: [3]},
]  # fmt: skip
protocols = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


@protocols
def test_plain_data_is_read_as_it_is(protocol: int) -> None:
    shared = ["again"]
    everything = [*PLAIN, shared, shared, {"x": shared}]
    if protocol < 5:  # written as calls before
        everything = [each for each in everything if not isinstance(each, bytearray)]
    if protocol < 3:
        everything = [each for each in everything if not isinstance(each, bytes)]
    found = read(pickle.dumps(everything, protocol))
    assert found == everything
    assert [type(each) for each in found] == [type(each) for each in everything]


class Bomb:
    """Whoever unpickles it runs a command."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._file}",)


@protocols
def test_nothing_is_called(protocol: int, tmp_path: Path) -> None:
    file = tmp_path / "exploded"
    raw = pickle.dumps({"func": "a:b", "args": (Bomb(file),)}, protocol)
    found = read(raw)["args"][0]
    assert isinstance(found, Made)
    assert (found.kind, found.args) == (f"{os.system.__module__}.system", (f"touch {file}",))
    as_job, as_rq = job_of("a", raw), rq_job_of(Record("a", 0, [raw] + [None] * (len(FIELDS) - 1)), "UTC")
    assert isinstance(as_job, LeftOut)
    assert isinstance(as_rq, LeftOut)
    assert not file.exists()
    pickle.loads(raw)
    assert file.exists(), "the bomb works"


@protocols
def test_moments_of_python(protocol: int) -> None:
    moment = datetime(2026, 10, 25, 3, 30, 15, 123_456, tzinfo=UTC)
    assert moment_of(read(pickle.dumps(moment, protocol)), "it") == moment.timestamp()
    span = timedelta(days=1, microseconds=5)
    assert span_of(read(pickle.dumps(span, protocol)), "it") == span
    for wrong in (datetime(2026, 1, 1), span, 5, OrderedDict(a=1)):  # noqa: DTZ001 - a naive one
        with pytest.raises(CannotCarry):
            moment_of(read(pickle.dumps(wrong, protocol)), "it")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x80", b"not a pickle", b".", b"(.", b"N", b"NN.", b"a.", b"]N", b"R.", b"(t", b"0.", b"h\x00.", b"u.",
        b"}(K\x01u.", b"]}a}b.", b"NNb.", b"NNs.", b"Na.", b"K\x01\x85\x93.", b"NN\x93.", b"NNR.", b"Pid\n.", b"NQ.",
        b"\x82\x01.", b"\x97.", b"X\xff\xff\xff\xff.", b"V" + b"9" * 10 + b"\n", b"I" + b"9" * 5000 + b"\n.",
    ],
)  # fmt: skip
def test_what_is_no_pickle(raw: bytes) -> None:
    with pytest.raises(CannotRead):
        read(raw)


def test_every_cut_and_every_flipped_byte_is_survived() -> None:
    raw = pickle.dumps({"a": [1, (2, "x"), datetime(2026, 1, 1, tzinfo=UTC)], "b": {"c": b"d"}})
    for at in range(len(raw)):
        for damaged in (raw[:at], *(raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :] for bit in (1, 8, 64, 255))):
            found = job_of("a", damaged)  # any other error than those that are told would leave here
            assert isinstance(found, LeftOut)


def _nested(depth: int) -> Any:
    return (half := _nested(depth - 1), half) if depth else ()


def test_a_small_pickle_of_something_endless() -> None:
    deep = _nested(60)  # 2 ** 60 values in a few hundred bytes
    began = time.monotonic()
    for value in ({"a": deep}, [deep]):
        raw = pickle.dumps({"func": "a:b", "args": [value], "trigger": deep, "name": deep})
        assert isinstance(job_of("a", raw), LeftOut)
    inner = pickle.dumps(_nested(18), 2)[2:-1]
    found = job_of("a", b"\x80\x04}" + inner + b"Ns.")
    assert isinstance(found, LeftOut)
    assert "no single value" in found.reason, "Python itself would compute a hash of all of it"
    for raw in (b"\x80\x04\x8f(" + inner + b"\x90.", b"\x80\x04(" + inner + b"\x91."):
        assert isinstance(job_of("a", raw), LeftOut)
    circle: list[Any] = []
    circle.append(circle)
    assert isinstance(job_of("a", pickle.dumps({"func": "a:b", "args": circle})), LeftOut)
    long = "x" * 100_000
    assert isinstance(job_of("a", pickle.dumps({"func": "a:b", "args": [long] * 1000})), LeftOut)
    assert time.monotonic() - began < 30, "it would take for ever"
    with pytest.raises(CannotRead, match="at most"):
        read(b"x" * (2 << 20))
    with pytest.raises(CannotRead, match="instructions"):
        read(b"N0" * 150_000 + b"N.")


def test_json_that_is_too_large_is_not_read() -> None:
    definition = b'{"task":"t","schedule":{"__type__":"interval","every":5},"args":[%s]}'
    assert isinstance(read_redbeat(Redbeat("a", 4e9, definition % b"1", None), "UTC"), Carried)
    assert isinstance(read_redbeat(Redbeat("a", 4e9, definition % (b" " * (1 << 20)), None), "UTC"), LeftOut)
    found = rq_job_of(Record("a", 0, [b'["f",null,[],{}]', b"{%s}" % (b" " * (1 << 20)), *[None] * 7]), "UTC")
    assert isinstance(found, LeftOut)
    assert "at most 1048576" in found.reason


def test_keys_that_have_one_hash_are_refused() -> None:
    prime = (1 << 61) - 1  # Python's hash of a whole number is its rest by this one
    found = job_of("a", pickle.dumps({"func": "a:b", "args": [{n * prime: None for n in range(1, 200)}]}))
    assert isinstance(found, LeftOut)
    assert "a long number" in found.reason, "a dict of a megabyte of such keys takes minutes"
    assert read(pickle.dumps({2**60 - 1: 1, -1: 2})) == {2**60 - 1: 1, -1: 2}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([b"x"], "args[0] is of the type bytes"),
        ([{1: 2}], "args[0] has a key that is no text"),
        ([float("nan")], "args[0] is nan"),
        ([1 << 2000], "args[0] is a number of 2001 bits"),
        ([[Name("os", "system")]], "args[0][0] is os.system, which is Python code"),
        ("text", "args must be a list"),
    ],
)
def test_what_json_does_not_have(args: Any, reason: str) -> None:
    with pytest.raises(CannotCarry) as caught:
        payload("a", args, None)
    assert str(caught.value).startswith(reason)
