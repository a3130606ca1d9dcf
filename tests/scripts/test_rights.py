"""A write that Redis refuses half-way (a right withdrawn): a task may then stand at two places, but never at none."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.storage.commands import assigning

from .store import Store, change
from .test_idempotence import EVERY, Request, every_request, rich

pytestmark = pytest.mark.asyncio

WRITES = (
    "zadd",
    "zrem",
    "zremrangebyrank",
    "hset",
    "hdel",
    "hincrby",
    "set",
    "pexpire",
    "unlink",
    "publish",
    "rpush",
    "del",
)


async def nowhere(store: Store) -> dict[bytes, bytes]:
    """The records of tasks that are neither waiting nor leased nor paused nor dead."""
    found = {key.rpartition(b":")[2]: content for key, (_, content, _) in (await store.raw()).items()}
    places = {*found.get(b"due", ()), *found.get(b"leased", ()), *found.get(b"dead", ()), *found.get(b"paused", ())}
    return {task_id: record for task_id, record in found.get(b"tasks", {}).items() if task_id not in places}


@every_request
async def test_a_withdrawn_right(small_store: Store, request_of: Request) -> None:
    store = small_store
    refused = 0
    for command in WRITES:
        await store.client.flushall()
        await store.seed(rich())
        await store.client.acl_setuser("default", commands=[f"-{command}"], enabled=True, reset=False)
        try:
            await request_of(store, store.session())
        except ResponseError as error:
            assert "run this command" in str(error) or "permissions" in str(error)  # noqa: PT017 - it need not fail
            refused += 1
        await store.client.acl_setuser("default", commands=[f"+{command}"], enabled=True, reset=False)
        assert EVERY not in (await nowhere(store)).values(), command
        # What has ended may have left its record, but can be assigned again.
        changes = [change(task_id) for task_id in (*rich().tasks, b"new")]
        await assigning.assign(store.session().it, store.keys, 0, changes)
        assert not await nowhere(store), command
    assert refused
