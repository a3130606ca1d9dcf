"""The commands that scripts call for many tasks at once, without what fakeredis does for each argument by itself.

Each method is a command of fakeredis. It takes the usual form of the command, and leaves any other to fakeredis: fields
of a hash that expire, options of `ZADD`, scores that are not digits, ranges from the middle on.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Final

from fakeredis._socket import AsyncFakeSocket

#: The longest score that is read here, in bytes: no such number is too great or too small for a float.
_LONGEST: Final = 20


class QuickSocket(AsyncFakeSocket):
    """The server's end of a connection, with a quicker way for the usual forms of some commands."""

    # Any: fakeredis's commands have no types.

    def hmget(self, key: Any, *fields: bytes) -> Any:
        """Read fields of a hash."""
        values = _fields_of(key.value)
        return super().hmget(key, *fields) if values is None else list(map(values.get, fields))

    def hset(self, key: Any, *pairs: bytes) -> Any:
        """Write fields of a hash."""
        values = _fields_of(key.value)
        if values is None or len(pairs) % 2:
            return super().hset(key, *pairs)
        before = len(values)
        values.update(zip(pairs[::2], pairs[1::2], strict=True))
        key.updated()
        return len(values) - before

    def hdel(self, key: Any, *fields: bytes) -> Any:
        """Delete fields of a hash."""
        values = _fields_of(key.value)
        if values is None:
            return super().hdel(key, *fields)
        before = len(values)
        for field in fields:
            values.pop(field, None)
        if len(values) < before:
            key.updated()
        return before - len(values)

    def zadd(self, key: Any, *args: bytes) -> Any:
        """Put members into a sorted set."""
        scores, members = _numbers(args[::2]), args[1::2]
        if scores is None or len(scores) != len(members):
            return super().zadd(key, *args)
        zset = key.value
        before = len(zset)
        changes = [zset.add(member, score) for member, score in zip(members, scores, strict=True)]
        if any(changes):
            key.updated()
        return len(zset) - before

    def zremrangebyrank(self, key: Any, start: int, stop: int) -> Any:
        """Delete the first members of a sorted set."""
        if start or stop < 0:
            return super().zremrangebyrank(key, start, stop)
        count = _drop_first(key.value, stop + 1)
        if count:
            key.updated()
        return count

    def zrange(self, key: Any, start: bytes, stop: bytes, *options: bytes) -> Any:
        """List the first members of a sorted set with their scores: up to a rank, or up to a score, at most some."""
        first: Any
        if start == b"0" and options == (b"WITHSCORES",) and stop.isdigit():
            first = key.value.islice_score(0, int(stop) + 1)
        elif start == b"-inf" and _is_bounded(options) and (most := _numbers((stop,))):
            first = takewhile(lambda item: item[0] <= most[0], key.value.islice_score(0, int(options[3])))
        else:
            return super().zrange(key, start, stop, *options)
        return [each for score, member in first for each in (member, score)]


def _fields_of(hash_: Any) -> dict[bytes, bytes] | None:
    """Return the fields of a hash as it keeps them; `None` if some of them expire."""
    fields: dict[bytes, bytes] = hash_._values  # noqa: SLF001 - its methods take each field by itself
    return None if hash_._expirations else fields  # noqa: SLF001


def _drop_first(zset: Any, count: int) -> int:
    """Delete the first members of a sorted set, at most so many; return how many there were."""
    by_score, scores = zset._byscore, zset._bylex  # noqa: SLF001 - its methods look for each member
    first = by_score[:count]
    del by_score[:count]
    for _, member in first:
        del scores[member]
    return len(first)


def _numbers(texts: tuple[bytes, ...]) -> list[float] | None:
    """Read digits, with or without a fraction; `None` if a text is anything else, which fakeredis reads or refuses."""
    if max(map(len, texts), default=0) > _LONGEST or not b"".join(texts).replace(b".", b"").isdigit():
        return None
    try:
        return list(map(float, texts))
    except ValueError:  # an empty text, or two dots
        return None


def _is_bounded(options: tuple[bytes, ...]) -> bool:
    """Tell if a range by score is asked for, with the scores, and at most some of its members."""
    return (
        len(options) == 5
        and options[:3] == (b"BYSCORE", b"LIMIT", b"0")
        and options[3].isdigit()
        and options[4] == b"WITHSCORES"
    )
