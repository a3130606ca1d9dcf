"""The floor: the least that a Python program can do for the same work, by hand, with raw redis-py.

One claim script and one completion script without leases' checks, retries, idempotence, header, events or limits;
no partition, no wake-up: what a scheduler's care costs is its distance from here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice

from redis.asyncio import Redis

from benchmarks import resizing
from benchmarks.bench import DATA, LATER, Bench
from benchmarks.spread import moments

_CLAIM = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local found = redis.call('ZRANGE', KEYS[1], '-inf', string.format('%.0f', ms), 'BYSCORE', 'LIMIT', 0, ARGV[1])
if #found == 0 then return {{}, {}} end
local leased = {}
for n, id in ipairs(found) do leased[2 * n - 1] = ms + 30000; leased[2 * n] = id end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #found - 1)
redis.call('ZADD', KEYS[2], unpack(leased))
return {found, redis.call('HMGET', KEYS[3], unpack(found))}
"""
_COMPLETE = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local due = {}
for n, id in ipairs(ARGV) do due[2 * n - 1] = ms + 86400000; due[2 * n] = id end
redis.call('ZREM', KEYS[2], unpack(ARGV))
redis.call('ZADD', KEYS[1], unpack(due))
return #ARGV
"""
_BATCH = 500


def dispatch(count: int, waiting: int = 0, *, at_random: bool = False) -> dict[str, float]:
    """Claim, run a trivial coroutine, complete; the next claim is under way meanwhile. So many tasks wait beside.

    `at_random`, those that are due one after the other were put there anywhere among all.
    """

    async def work(bench: Bench) -> dict[str, float]:
        client = Redis(port=bench.server.port, protocol=2)
        claim, complete = client.register_script(_CLAIM), client.register_script(_COMPLETE)
        starts = moments(count, waiting, time.time(), at_random=at_random)
        await _fill(client, ((f"user:{n:07}", 1000 * start) for n, start in enumerate(starts)))
        with bench.server.client() as sync:
            resizing.settle(sync, "tasks", "due")
            assert not any(resizing.is_resizing(sync, key) for key in ("tasks", "due"))
        runs = 0

        async def execute(_: bytes) -> None:
            nonlocal runs
            runs += 1

        before, began, cpu = bench.cost(), time.perf_counter(), time.process_time()
        completing: asyncio.Task[object] | None = None
        ids, payloads = await claim(keys=["due", "leased", "tasks"], args=[_BATCH])
        while ids:
            following = asyncio.ensure_future(claim(keys=["due", "leased", "tasks"], args=[_BATCH]))
            for payload in payloads:
                await execute(payload)
            if completing is not None:
                await completing
            completing = asyncio.ensure_future(complete(keys=["due", "leased"], args=ids))
            ids, payloads = await following
        if completing is not None:
            await completing
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        spent = bench.cost() - before
        assert runs == count
        await client.aclose()
        return {
            "per_second": count / seconds,
            "worker_cpu_per_1000": 1000 * cpu / count,
            "redis_cpu_per_1000": 1000 * spent.cpu / count,
            "reads_per_dispatch": spent.reads / count,
        }

    with Bench(**resizing.settings()) as bench:
        return asyncio.run(work(bench))


async def _fill(client: Redis, tasks: Iterator[tuple[str, float]]) -> None:
    while chunk := dict(islice(tasks, 1000)):
        pipe = client.pipeline(transaction=False)
        pipe.zadd("due", chunk)
        pipe.hset("tasks", mapping=dict.fromkeys(chunk, DATA))
        await pipe.execute()


def pipeline(count: int) -> dict[str, float]:
    """A `ZADD` and an `HSET` a task in pipelines of 500 tasks."""

    async def work(bench: Bench) -> float:
        client = Redis(port=bench.server.port, protocol=2)
        began = time.perf_counter()
        pipe = client.pipeline(transaction=False)
        for n in range(count):
            pipe.zadd("due", {f"user:{n:06}": LATER})
            pipe.hset("tasks", f"user:{n:06}", DATA)
            if n % _BATCH == _BATCH - 1:
                await pipe.execute()
        await pipe.execute()
        seconds = time.perf_counter() - began
        await client.aclose()
        return count / seconds

    with Bench() as bench:
        return {"per_second": asyncio.run(work(bench))}
