"""One partition as these tests see it: scripts run at chosen sequences, the whole key space seeded and read."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from redis.exceptions import NoScriptError

from interval_scheduler.config.instance import RedisInstance
from interval_scheduler.config.options import StorageOptions
from interval_scheduler.model.assignment import Assignment, Reschedule
from interval_scheduler.model.placement import tag_of
from interval_scheduler.storage.commands.running import Claimed
from interval_scheduler.storage.connection.client import open_client
from interval_scheduler.storage.requests.session import NotAllExist
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import Keys

if TYPE_CHECKING:
    from interval_scheduler.storage.requests.session import Session
    from interval_scheduler.storage.scripts.loader import Script
    from interval_scheduler.storage.scripts.ports import Argument, ScriptRunner

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
REPLY_KEPT_MS: Final = 600_000
#: When the databases of these tests became partitions, µs.
BORN: Final = 1_700_000_000_000_000

_CLAIMS: Final = (scripts.CLAIM, scripts.CLAIM_ONCE)
_ZSETS: Final = ("due", "leased", "dead", "paused", "failing")
#: What expires by itself, one a session, and its type.
_PASSING: Final = {"reply:": "string", "taken:": "list"}
_HASHES: Final = ("tasks", "leases", "attempts", "errors", "runs", "failures", "history", "causes", "moves", "outbox")


def stamp(epoch: int, born: int = BORN) -> bytes:
    """What a sender knows, and what stands in the key of the epoch."""
    return b"%d:%d" % (epoch, born)


@dataclass
class Space:
    """Everything that stands in Redis for a namespace, but the replies to sessions, which `Store` checks itself."""

    tasks: dict[bytes, bytes] = field(default_factory=dict)
    due: dict[bytes, int] = field(default_factory=dict)
    leased: dict[bytes, Any] = field(default_factory=dict)  # whole numbers, but for runs that may not have begun
    leases: dict[bytes, bytes] = field(default_factory=dict)
    attempts: dict[bytes, bytes] = field(default_factory=dict)
    dead: dict[bytes, int] = field(default_factory=dict)
    paused: dict[bytes, int] = field(default_factory=dict)
    errors: dict[bytes, bytes] = field(default_factory=dict)
    runs: dict[bytes, bytes] = field(default_factory=dict)
    failures: dict[bytes, bytes] = field(default_factory=dict)
    history: dict[bytes, bytes] = field(default_factory=dict)
    failing: dict[bytes, int] = field(default_factory=dict)
    causes: dict[bytes, bytes] = field(default_factory=dict)
    halt: bytes | None = None
    #: What stands behind the prefix of the keys of groups, by its name.
    groups: dict[str, Any] = field(default_factory=dict)
    #: The ids that the index of hash tags has, by their tag.
    tags: dict[bytes, set[bytes]] = field(default_factory=dict)
    fence: bytes | None = None
    locks: dict[bytes, bytes] = field(default_factory=dict)
    membership: dict[bytes, bytes] = field(default_factory=dict)
    epoch: bytes | None = None
    outbox: dict[bytes, bytes] = field(default_factory=dict)
    moves: dict[bytes, bytes] = field(default_factory=dict)


class ClaimedTask(NamedTuple):
    """A claimed task, as its worker knows it."""

    raw_id: bytes
    lease: bytes
    header: bytes


#: A key as it stands: its type, its content, and whether it expires.
Raw = dict[bytes, tuple[str, Any, bool]]


class Numbered:
    """A session whose requests are repeated, or sent out of order, at will."""

    in_doubt = False

    def __init__(self, store: Store, name: bytes) -> None:
        self._store = store
        self.name = name
        #: Of the list of partitions that the sender has; `None`: it does not tell.
        self.epoch: int | None = None
        #: True if requests change only tasks that exist there.
        self.if_exists = False
        #: The number of the last request. Lower it by one to send the same request again.
        self.sequence = 0

    async def request(
        self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], width: int = 0, *, replicas: int = 0
    ) -> Any:
        del width, replicas
        self.sequence += 1
        number: Argument = self.sequence
        if self.epoch is not None and script.is_stamped:
            number = b"%s:%d%s" % (stamp(self.epoch), self.sequence, b"?" if self.if_exists else b"")
        reply = await self._store.evaluate(script, (self._store.keys.reply(self.name), *keys), (number, *args))
        self._store.expect_kept(self.name, self.sequence, b"" if script in _CLAIMS else reply)
        if self.if_exists and reply.startswith(b"?"):
            raise NotAllExist([flag == 49 for flag in reply[1:]])
        return reply

    def back(self, by: int = 1) -> Session:
        """This session, its next request having the number of an earlier one."""
        self.sequence -= by
        return self.it

    @property
    def it(self) -> Session:
        """Itself, as what the typed functions take."""
        return cast("Session", self)


class Store:
    """A partition of its own namespace."""

    name = "here"
    #: Of the list of partitions, for what needs no session.
    epoch = 1
    #: As the handshake of a sender learned it.
    born = BORN

    def __init__(self, url: str, namespace: str) -> None:
        self.namespace = namespace
        self.keys = Keys(namespace, self.name)
        self.client: Any = open_client(RedisInstance.from_url(url), StorageOptions())
        #: What the reply keys must hold; that of a claim begins so.
        self.replies: dict[bytes, bytes] = {}
        #: Sessions of which nobody knows the last reply, since some of their requests are in doubt.
        self.in_doubt: set[bytes] = set()
        #: The longest lease that was noted, ms.
        self.longest: bytes | None = None
        #: The keys of hash tags that a clear left.
        self.former_tags: set[bytes] = set()
        #: The log of actions, the oldest first, and who paused tasks.
        self.actions: list[bytes] = []
        self.pauses: dict[bytes, bytes] = {}
        self._tag = self.keys.tasks.removesuffix(b"tasks")
        #: The queues of the namespace, which say nothing of its tasks.
        self.queues: list[bytes] = []
        self._pattern = b"{" + namespace.encode() + b"[:}]*"
        self._numbers = itertools.count(1)

    def session(self) -> Numbered:
        return Numbered(self, b"session%d" % next(self._numbers))

    def expect_kept(self, session: bytes, sequence: int, reply: bytes) -> None:
        """From now on the last reply to a session must be this one; to a claim, empty here, it must begin so."""
        self.replies[session] = b"%d %s" % (sequence, reply)

    @property
    def stamp(self) -> bytes:
        """What requests without a session carry."""
        return stamp(self.epoch, self.born)

    @property
    def partition(self) -> ScriptRunner:
        """Itself, as what the typed functions that need no session take."""
        return self

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        try:
            return await self.client.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self.client.execute_command("EVAL", script.text, len(keys), *keys, *args)

    read = change = evaluate

    async def enroll(self) -> None:
        """Write what requests ask for, as a handshake does."""
        await self.client.set(self.keys.epoch, self.stamp)

    async def now_ms(self) -> int:
        """The server's time."""
        seconds, micros = await self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def seed(self, space: Space) -> None:
        """Write a key space."""
        pipe = self.client.pipeline(transaction=False)
        for name in _ZSETS:
            if content := getattr(space, name):
                pipe.zadd(getattr(self.keys, name), content)
        for name in _HASHES:
            if content := getattr(space, name):
                pipe.hset(getattr(self.keys, name), mapping=content)
        self._seed_tags(pipe, space)
        self._seed_groups(pipe, space)
        if space.fence is not None:
            pipe.set(self.keys.fence, space.fence)
        for lock, holder in space.locks.items():
            pipe.set(self.keys.lock(lock), holder, px=HOUR)
        if space.membership:
            pipe.hset(self.keys.membership, mapping=space.membership)
        await pipe.execute()

    async def put_quotas_back(self, ms: int) -> None:
        """Let time pass for the buckets, and for the groups that wait for tokens."""
        keys = self.keys.groups
        for key in (keys + b"quota", keys + b"buckets"):
            for name, text in (await self.client.hgetall(key)).items():
                if name == b"bucket" or key.endswith(b"buckets"):
                    rest, _, at = text.rpartition(b" ")
                    await self.client.hset(key, name, b"%s %d" % (rest, int(at) - ms))
        for group, score in await self.client.zrange(keys + b"refill", 0, -1, withscores=True):
            await self.client.zadd(keys + b"refill", {group: score - ms})

    def _seed_tags(self, pipe: Any, space: Space) -> None:
        for tag, ids in space.tags.items():
            pipe.zadd(self.keys.tags + b"1:" + tag, dict.fromkeys(map(member_of, ids), 0))
        if space.tags:
            pipe.zadd(self.keys.tags + b"1", dict.fromkeys(space.tags, 0))
            pipe.set(self.keys.tags + b"now", b"1:1")

    def _seed_groups(self, pipe: Any, space: Space) -> None:
        for name, content in space.groups.items():
            if isinstance(content, dict):
                pipe.hset(self.keys.groups + name.encode(), mapping=content)
            else:
                assert isinstance(content, bytes), "sorted sets are left to scripts"
                pipe.set(self.keys.groups + name.encode(), content)

    async def raw(self) -> Raw:
        """Every key of the namespace, as it stands."""
        return {key: (kind, content, ttl >= 0) for key, kind, content, ttl in await self._read()}

    async def _read(self) -> list[tuple[bytes, str, Any, int]]:
        """Key, type, content and time to live (ms, -1: none) of every key of the namespace."""
        found = sorted(await self.client.keys(self._pattern))
        if not found:
            return []
        pipe = self.client.pipeline(transaction=False)
        for key in found:
            pipe.type(key)
            pipe.pttl(key)
        answers = await pipe.execute()
        kinds = [kind.decode() for kind in answers[::2]]
        for key, kind in zip(found, kinds, strict=True):
            if kind == "zset":
                pipe.zrange(key, 0, -1, withscores=True)
            elif kind == "hash":
                pipe.hgetall(key)
            elif kind == "list":
                pipe.lrange(key, 0, -1)
            elif kind == "set":
                pipe.smembers(key)
            else:
                pipe.get(key)
        contents = [
            dict(content) if kind == "zset" else content
            for kind, content in zip(kinds, await pipe.execute(), strict=True)
        ]
        return list(zip(found, kinds, contents, answers[1::2], strict=True))

    async def space(self) -> Space:
        """The whole key space; fails where a key is of another type, expires or not against the plan, or is unknown."""
        space = Space()
        replies = {}
        for key, kind, content, ttl in self._without_tags(self._without_actions(await self._read()), space):
            expires = ttl >= 0
            name = key.removeprefix(self._tag).decode()
            if name in _ZSETS:
                assert (kind, expires) == ("zset", False), key
                # Behind the deadline of a lease stands a fraction if its run is not known to have begun.
                assert name == "leased" or all(score == int(score) for score in content.values()), content
                setattr(space, name, {i: int(score) if score == int(score) else score for i, score in content.items()})
            elif name in _HASHES:
                assert (kind, expires) == ("hash", False), key
                setattr(space, name, content)
            elif name in ("fence", "halt", "epoch", "longest"):
                assert (kind, expires) == ("string", False), key
                # The longest lease says nothing of a task, so that it is no part of the space; so does the first epoch.
                known = content.partition(b" ")[0] if name == "halt" else content  # not by whom, and why
                setattr(self if name == "longest" else space, name, None if content == stamp(1) else known)
            elif name.startswith("group:"):
                assert not expires, key
                space.groups[name.removeprefix("group:")] = list(content) if kind == "zset" else content
            elif name.startswith("lock:"):
                assert (kind, expires) == ("string", True), key
                space.locks[key.removeprefix(self._tag + b"lock:")] = content
            elif name.startswith(tuple(_PASSING)):
                assert kind == _PASSING[f"{name.partition(':')[0]}:"], key
                assert REPLY_KEPT_MS - MINUTE < ttl <= REPLY_KEPT_MS
                session = name.partition(":")[2].encode()
                assert session in self.replies or session in self.in_doubt
                if kind == "string" and session in self.replies:
                    replies[session] = content
            else:
                assert (key, kind, expires) == (self.keys.membership, "hash", False)
                space.membership = content
        assert self.pauses.keys() <= space.tasks.keys(), "with a task goes who paused it"
        assert replies.keys() == self.replies.keys()
        for session, expected in self.replies.items():
            whole = not expected.endswith(b" ")
            assert replies[session] == expected if whole else replies[session].startswith(expected)
        return space

    def _without_actions(self, rows: list[tuple[bytes, str, Any, int]]) -> Iterator[tuple[bytes, str, Any, int]]:
        """Keep who steered what, which is no state of the tasks, and leave the other keys."""
        self.actions, self.pauses = [], {}
        for key, kind, content, ttl in rows:
            if key == self.keys.actions:
                assert (kind, ttl) == ("zset", -1), key
                self.actions = [entry for entry, _ in sorted(content.items(), key=lambda pair: pair[1])]
            elif key == self.keys.pauses:
                assert (kind, ttl) == ("hash", -1), key
                self.pauses = content
            else:
                yield key, kind, content, ttl

    def _without_tags(
        self, rows: Iterable[tuple[bytes, str, Any, int]], space: Space
    ) -> Iterator[tuple[bytes, str, Any, int]]:
        """Take the index of hash tags into the space, note the queues, and leave the other keys."""
        tagged = {}
        for key, kind, content, ttl in rows:
            if key.startswith(self.keys.tags):
                assert (kind, ttl) == ("string" if key.endswith(b":tag:now") else "zset", -1), key
                tagged[key.removeprefix(self.keys.tags)] = content
            elif key == self.keys.queues:
                assert (kind, ttl) == ("zset", -1), key
                self.queues = list(content)
            else:
                yield key, kind, content, ttl
        space.tags, self.former_tags = read_tags(tagged)

    async def clear(self) -> None:
        """Remove what is in the namespace, all but that it is one."""
        if found := set(await self.client.keys(self._pattern)) - {
            self.keys.membership,
            self.keys.epoch,
            self.keys.queues,
        }:
            await self.client.delete(*found)
        self.replies.clear()

    async def delete(self) -> None:
        """Remove the namespace, and close."""
        if found := await self.client.keys(self._pattern):
            await self.client.delete(*found)
        await self.client.aclose()

    @asynccontextmanager
    async def announcements(self) -> AsyncIterator[Callable[[], Awaitable[list[int]]]]:
        """Listen to the channel of nearer due times; call what this gives for those heard since the last call."""
        pubsub = self.client.pubsub(ignore_subscribe_messages=True)
        await pubsub.subscribe(self.keys.wake)

        async def heard() -> list[int]:
            await self.client.publish(self.keys.wake, b"end")
            found: list[int] = []
            async for message in pubsub.listen():
                if message["data"] == b"end":
                    break
                found.append(int(message["data"]))
            return found

        try:
            yield heard
        finally:
            await pubsub.aclose()


def member_of(raw_id: bytes) -> bytes:
    """The id as the index of its hash tag has it."""
    tag = tag_of(raw_id)
    assert tag is not None
    return raw_id.replace(b"{%s}" % tag, b"{", 1)


def tags_of(ids: Iterable[bytes]) -> dict[bytes, set[bytes]]:
    """The index of hash tags that goes with some ids."""
    found: dict[bytes, set[bytes]] = {}
    for raw_id in ids:
        if (tag := tag_of(raw_id)) is not None:
            found.setdefault(tag, set()).add(raw_id)
    return found


def read_tags(content: Mapping[bytes, Any]) -> tuple[dict[bytes, set[bytes]], set[bytes]]:
    """The index of hash tags by what stands behind the prefix of its keys, and the keys of cleared tasks."""
    if not content:
        return {}, set()
    now, oldest = content[b"now"].split(b":")
    in_use = content.get(now, {})
    found: dict[bytes, set[bytes]] = {}
    former = set()
    for name, members in content.items():
        generation, _, tag = name.partition(b":")
        if name == b"now":
            continue
        assert set(members.values()) == {0}, name
        if generation != now:
            assert int(oldest) <= int(generation) < int(now), "a former generation is one that will be unlinked"
            former.add(name)
        elif tag:
            found[tag] = {member.replace(b"{", b"{%s}" % tag, 1) for member in members}
            assert tags_of(found[tag]) == {tag: found[tag]}
    assert found.keys() == in_use.keys(), "the tags in use are those that have ids"
    assert found or former, "without an index there is none of its keys"
    return found, former


def change(
    task_id: bytes,
    data: bytes = b"x",
    *,
    every: int | None = None,
    start: int | None = None,
    rule: Reschedule = "keep",
    text: bool = True,
    delay: bool = False,
) -> Assignment:
    """One assignment, times in ms."""
    return Assignment(task_id, data, text, every, start, delay, reschedule=rule)


def recurring(
    every: int, phase: int, grid: int = 0, data: bytes = b"x", flags: bytes = b"s", policy: bytes = b""
) -> bytes:
    """The record of a recurring task; `phase` is any moment on its grid, ms."""
    return b"%s %d %d%s%s\n%s" % (flags, every, phase % every, b" %d" % grid if grid else b"", policy, data)


def header(record: bytes) -> bytes:
    return record.partition(b"\n")[0]


def lease(token: int, due: int, mark: bytes = b"") -> bytes:
    return b"%d %d%s" % (token, due, b" " + mark if mark else b"")


def held(task_id: bytes, token: int, due: int, record: bytes = b"s\nx") -> ClaimedTask:
    """A claimed task, as the worker knows it that claimed it."""
    return ClaimedTask(task_id, lease(token, due), header(record))


def held_of(claimed: Claimed) -> list[ClaimedTask]:
    """What a claim brought, as its worker knows it."""
    return [
        ClaimedTask(task_id, claimed.token + b" " + due, header(record))
        for task_id, due, record in zip(claimed.ids, claimed.dues, claimed.records, strict=True)
    ]


def now_of(claimed: Claimed) -> int:
    """The server's time at a claim, ms."""
    return claimed.now_us // 1000


def leased_space(
    tasks: Mapping[bytes, bytes], *, token: int, due: int, deadline: int, mark: bytes = b"", **more: Any
) -> Space:
    """A key space in which all tasks are held by one claim."""
    return Space(
        tasks=dict(tasks),
        leased=dict.fromkeys(tasks, deadline),
        leases=dict.fromkeys(tasks, lease(token, due, mark)),
        **more,
    )


def without(content: Mapping[bytes, Any], *ids: bytes) -> dict[bytes, Any]:
    return {task_id: value for task_id, value in content.items() if task_id not in ids}


def only(content: Mapping[bytes, Any], ids: Iterable[bytes]) -> dict[bytes, Any]:
    return {task_id: content[task_id] for task_id in ids}
