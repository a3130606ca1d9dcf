"""Garbage for every field of every key of a partition: what is written there, and what must come of the task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import redis

#: What anybody may write where a number is expected.
VALUES: Final = {
    "nothing": b"",
    "a word": b"x",
    "400 digits": b"9" * 400,
    "5,000 digits": b"9" * 5000,
    "a negative number": b"-5",
    "a fraction": b"1.5",
    "NaN": b"nan",
    "1e999": b"1e999",
    "NUL bytes": b"\0\0",
    "no UTF-8": b"\xff\xfe",
    "1 MB": b"7" * (1 << 20),
}
SCORES: Final = {"-inf": "-inf", "inf": "inf", "-5": "-5", "1.5": "1.5", "1e300": "1e300", "-1e300": "-1e300"}
#: Ids that no application can have given.
IDS: Final = {"no UTF-8": b"\xff\xfe", "a surrogate": b"\xed\xa0\x80", "NUL": b"a\0b", "1 MB": b"i" * (1 << 20)}
#: The task that is harmed, unless its id itself is what is wrong.
BAD: Final = b"bad"
TAGGED: Final = b"{t}bad"
RECORD: Final = b"s 200 0\nbad"
_POLICIES: Final = ("u", "n", "c", "r", "b", "t", "@", "~", "h", "m")
_GROUP_KEYS: Final = {
    "in-use": "string",
    "of": "hash",
    "runs": "hash",
    "parked": "zset",
    "parked-of": "hash",
    "overdue": "hash",
    "room": "zset",
}
_TYPES: Final = {
    "tasks": "hash",
    "due": "zset",
    "leased": "zset",
    "leases": "hash",
    "attempts": "hash",
    "dead": "zset",
    "errors": "hash",
    "paused": "zset",
    "runs": "hash",
    "failures": "hash",
    "history": "hash",
    "failing": "zset",
    "causes": "hash",
    "pauses": "hash",
    "actions": "zset",
    "fence": "string",
    "epoch": "string",
    "outbox": "hash",
    "moves": "hash",
    **{f"group:{name}": kind for name, kind in _GROUP_KEYS.items() if kind != "string"},
    "tag:now": "string",
}


@dataclass(frozen=True)
class Garbage:
    """One kind.

    Attributes:
        name: the key and what is wrong there.
        write: writes it: takes a client and the hash tag of the partition with its colon.
        result: `aside`: the task must be set aside as dead; `any`: it may run as well.
        raw_id: the id of the task.
    """

    name: str
    write: Callable[[redis.Redis, bytes], object]
    result: Literal["aside", "any"] = "any"
    raw_id: bytes = BAD


def kinds() -> Iterator[Garbage]:
    """All kinds that concern one task."""
    for word, value in VALUES.items():
        yield Garbage(f"tasks, record: {word}", _record(value), "aside")
        if word != "nothing":
            yield Garbage(f"tasks, interval: {word}", _record(b"s %s 0\nbad" % value), "aside")
            yield Garbage(f"tasks, phase: {word}", _record(b"s 200 %s\nbad" % value), "aside")
            yield Garbage(f"tasks, rounding grid: {word}", _record(b"s 200 0 %s\nbad" % value), "aside")
        yield Garbage(f"attempts: {word}", _field("attempts", value), "aside")
        for key in ("runs", "failures", "errors", "causes"):
            yield Garbage(f"{key}: {word}", _field(key, value))
        yield Garbage(f"history: {word}", _field("history", value, b"s 200 0;h3\nbad"))
        yield Garbage(f"leases: {word}", _lease(value))
        yield Garbage(f"leases, due time: {word}", _lease(b"1 " + value))
        yield Garbage(f"leases, mark: {word}", _lease(b"1 1 s" + value))
        yield Garbage(f"group:overdue: {word}", _field("group:overdue", value, b"s 200 0;gg\nbad"))
        yield Garbage(f"group:overdue, due time: {word}", _field("group:overdue", b"g\0%s\0bad" % value))
        yield Garbage(f"group:of: {word}", _field("group:of", value))
        yield Garbage(f"group:parked-of: {word}", _field("group:parked-of", value))
        yield Garbage(f"group:parked: {word}", _parked(value))
        yield Garbage(f"group:parked, due time: {word}", _parked(b"g\0%s\0bad" % value))
        yield Garbage(f"group:runs: {word}", _group_count(value))
        yield Garbage(f"fence: {word}", _fence(value))
        yield Garbage(f"tag:now: {word}", _index(value), raw_id=TAGGED)
    for letter in _POLICIES:
        for word in ("a word", "400 digits", "a negative number", "1e999", "no UTF-8"):
            if (letter, word) != ("m", "a negative number"):
                record = b"s 200 0;%s%s\nbad" % (letter.encode(), VALUES[word])
                yield Garbage(f"tasks, rule {letter}: {word}", _record(record), "aside")
    for word, score in SCORES.items():
        yield Garbage(f"due: {word}", _score("due", score))
        yield Garbage(f"paused: {word}", _score("paused", score))
        yield Garbage(f"dead: {word}", _score("dead", score))
        yield Garbage(f"failing: {word}", _failing(score))
        yield Garbage(f"leased: {word}", _lease(b"1 1", score))
    for word, raw_id in IDS.items():
        yield Garbage(f"an id: {word}", _task(raw_id), "aside", raw_id)
    yield Garbage("a reply of each session", _replies)


def wrong_types() -> Iterator[tuple[str, str]]:
    """Each key, and the type that it gets instead of its own."""
    for key, kind in _TYPES.items():
        yield key, "set" if kind == "string" else "string"


def write_type(client: redis.Redis, key: bytes, kind: str) -> None:
    """Replace a key by one of another type."""
    client.delete(key)
    if kind == "set":
        client.sadd(key, b"x")
    else:
        client.set(key, b"x")


def forget(client: redis.Redis, tag: bytes, raw_id: bytes) -> None:
    """Delete all that there is of a task, as the next kind begins."""
    for key in (
        "tasks",
        "leases",
        "attempts",
        "errors",
        "runs",
        "failures",
        "history",
        "causes",
        "pauses",
        "group:of",
        "group:overdue",
    ):
        client.hdel(tag + key.encode(), raw_id)
    client.hdel(tag + b"group:parked-of", raw_id)
    for key in ("due", "leased", "dead", "paused", "failing"):
        client.zrem(tag + key.encode(), raw_id)
    parked = set(client.hvals(tag + b"group:parked-of"))
    for member in cast("list[bytes]", client.zrange(tag + b"group:parked", 0, -1)):
        if member not in parked:  # that of another task stays
            client.zrem(tag + b"group:parked", member)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _task(raw_id: bytes, record: bytes = RECORD) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.hset(tag + b"tasks", raw_id, record)
        client.zadd(tag + b"due", {raw_id: _now_ms()})

    return write


def _record(record: bytes) -> Callable[[redis.Redis, bytes], object]:
    return _task(BAD, record)


def _field(key: str, value: bytes, record: bytes = RECORD) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.hset(tag + key.encode(), BAD, value)
        _task(BAD, record)(client, tag)

    return write


def _failing(score: str) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.zadd(tag + b"failing", {BAD: score})
        _field("causes", b"1 Oh: no")(client, tag)

    return write


def _lease(lease: bytes, deadline: str | None = None) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.hset(tag + b"tasks", BAD, RECORD)
        client.hset(tag + b"leases", BAD, lease)
        score: Any = _now_ms() if deadline is None else deadline
        client.zadd(tag + b"leased", {BAD: score})

    return write


def _score(key: str, score: str) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.hset(tag + b"tasks", BAD, RECORD)
        client.zadd(tag + key.encode(), {BAD: float(score)})

    return write


def _parked(member: bytes) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.hset(tag + b"tasks", BAD, b"s 200 0;gg\nbad")
        client.hset(tag + b"group:parked-of", BAD, member)
        client.zadd(tag + b"group:parked", {member: 0})
        client.zadd(tag + b"group:parked", {b"g\0" + member: 0})  # the next one that a run of the group lets go

    return write


def _group_count(value: bytes) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.hset(tag + b"group:runs", b"g", value)
        _record(b"s 200 0;gg\nbad")(client, tag)

    return write


def _fence(value: bytes) -> Callable[[redis.Redis, bytes], object]:
    def write(client: redis.Redis, tag: bytes) -> None:
        client.set(tag + b"fence", value)
        _task(BAD)(client, tag)

    return write


def _index(value: bytes) -> Callable[[redis.Redis, bytes], object]:
    """The generation of the index of hash tags, and beside it a member of the index that is none."""

    def write(client: redis.Redis, tag: bytes) -> None:
        client.set(tag + b"tag:now", value)
        client.zadd(tag + b"tag:1:t", {value: 0})
        _task(TAGGED)(client, tag)

    return write


def _replies(client: redis.Redis, tag: bytes) -> None:
    for n, key in enumerate(client.keys(tag.replace(b"[", b"\\[") + b"reply:*")):
        client.delete(key)
        if n % 2:
            client.rpush(key, b"x")
        else:
            client.set(key, list(VALUES.values())[n % len(VALUES)])
    _task(BAD)(client, tag)
