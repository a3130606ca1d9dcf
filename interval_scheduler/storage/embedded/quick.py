"""The commands that scripts call for many tasks at once, without what fakeredis does for each argument by itself.

Each method is a command of fakeredis. It takes the usual form of the command, and leaves any other to fakeredis: fields of
a hash that expire, options of `ZADD`, scores that are no whole numbers, ranges from the middle on.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Final

from fakeredis._core import CommandItem
from fakeredis._socket import AsyncFakeSocket

#: The most digits of a score that are certainly no more than a float can hold.
_MOST_DIGITS: Final = 15


def _whole(scores: tuple[bytes, ...]) -> bool:
    """Tell if all scores are whole numbers that a float holds exactly."""
    return all(map(bytes.isdigit, scores)) and max(map(len, scores)) <= _MOST_DIGITS


class QuickSocket(AsyncFakeSocket):
    """The server's end of a connection, with a quicker way for the usual forms of some commands."""

    def hmget(self, key: CommandItem, *fields: bytes) -> list[bytes | None]:
        """Read fields of a hash."""
        if key.value._expirations:
            return super().hmget(key, *fields)
        return list(map(key.value._values.get, fields))

    def hset(self, key: CommandItem, *pairs: bytes) -> int:
        """Write fields of a hash."""
        if key.value._expirations:
            return super().hset(key, *pairs)
        values = key.value._values
        before = len(values)
        values.update(zip(pairs[::2], pairs[1::2], strict=True))
        key.updated()
        return len(values) - before

    def hdel(self, key: CommandItem, *fields: bytes) -> int:
        """Delete fields of a hash."""
        if key.value._expirations:
            return super().hdel(key, *fields)
        values = key.value._values
        before = len(values)
        for field in fields:
            values.pop(field, None)
        if len(values) < before:
            key.updated()
        return before - len(values)

    def zadd(self, key: CommandItem, *args: bytes) -> int | float | None:
        """Put members into a sorted set."""
        scores, members = args[::2], args[1::2]
        if len(scores) != len(members) or not _whole(scores):
            return super().zadd(key, *args)
        zset = key.value
        before = len(zset)
        changes = [zset.add(member, score) for member, score in zip(members, map(float, scores), strict=True)]
        if any(changes):
            key.updated()
        return len(zset) - before

    def zremrangebyrank(self, key: CommandItem, start: int, stop: int) -> int:
        """Delete the first members of a sorted set."""
        if start or stop < 0:
            return super().zremrangebyrank(key, start, stop)
        zset = key.value
        first = zset._byscore[: stop + 1]
        del zset._byscore[: stop + 1]
        for _, member in first:
            del zset._bylex[member]
        if first:
            key.updated()
        return len(first)

    def zrange(self, key: CommandItem, start: bytes, stop: bytes, *options: bytes) -> list[Any]:
        """List the first members of a sorted set with their scores: so many of them, or those up to a score."""
        first: Any
        if start == b"0" and options == (b"WITHSCORES",) and stop.isdigit():
            first = key.value.islice_score(0, int(stop) + 1)
        elif start == b"-inf" and _is_bounded(options) and _whole((stop, options[3])):
            most = float(stop)
            first = takewhile(lambda item: item[0] <= most, key.value.islice_score(0, int(options[3])))
        else:
            return super().zrange(key, start, stop, *options)
        return [each for score, member in first for each in (member, score)]


def _is_bounded(options: tuple[bytes, ...]) -> bool:
    """Tell if a range by score is asked for, with the scores, and at most some members of it."""
    return len(options) == 5 and options[:3] == (b"BYSCORE", b"LIMIT", b"0") and options[4] == b"WITHSCORES"
