"""What it costs that tasks wait: memory a task, and the requests of schedulers that have little to do."""

from __future__ import annotations

import asyncio
import time

from benchmarks.bench import DATA, LATER, NAMESPACE, Bench, Worker, fill

Figures = dict[str, float]


def memory(count: int) -> Figures:
    """Bytes of Redis a waiting task takes."""
    with Bench() as bench:
        before = bench.info()["used_memory"]
        asyncio.run(fill(bench, count, every=900, start=LATER))
        with bench.server.client() as client:
            client.delete(*client.keys(f"{{{NAMESPACE}:*}}:reply:*") or [b"none"])
        return {"bytes_per_task": (bench.info()["used_memory"] - before) / count}


_REWRITE_ONE_HASH = """
local records, pairs = redis.call('HMGET', KEYS[1], unpack(ARGV)), {}
for n, record in ipairs(records) do pairs[2 * n - 1], pairs[2 * n] = ARGV[n], record end
redis.call('HSET', KEYS[1], unpack(pairs))
"""
_REWRITE_SMALL_HASHES = """
for n = 1, #ARGV do
    local bucket = KEYS[1] .. ':' .. string.sub(ARGV[n], 1, -3)
    redis.call('HSET', bucket, ARGV[n], redis.call('HGET', bucket, ARGV[n]))
end
"""


def layout(count: int, *, small_hashes: bool) -> Figures:
    """The records and due times alone, by hand: in one hash, or in small ones of 100 that Redis packs.

    The cost is that of a script which reads and writes the records of 500 tasks. The small hash of a task is found by
    cutting its id, which is cheaper than any hash function written in Lua: a lower bound.
    """
    with Bench() as bench, bench.server.client() as client:
        client.config_set("hash-max-listpack-entries", 128)
        before = bench.info()["used_memory"]
        ids = [f"user:{n:06}" for n in range(count)]
        for first in range(0, count, 1000):
            pipe, numbered = client.pipeline(transaction=False), list(enumerate(ids[first : first + 1000], first))
            for n, task in numbered:
                pipe.hset(f"tasks:{task[:-2]}" if small_hashes else "tasks", task, f"s 900000 {n % 900_000}\n{DATA}")
            pipe.zadd("due", {task: LATER * 1000 + n for n, task in numbered})
            pipe.execute()
        size = (bench.info()["used_memory"] - before) / count
        rewrite = client.register_script(_REWRITE_SMALL_HASHES if small_hashes else _REWRITE_ONE_HASH)
        stride = max(1, count // 500)
        for first in range(100):
            rewrite(keys=["tasks"], args=[ids[(first + n * stride) % count] for n in range(500)])
        return {"bytes_per_task": size, "rewrite_us": bench.command_us()["evalsha"] / (100 * 500)}


def idle(seconds: float = 20, waiting: int = 1000) -> Figures:
    """What one executing scheduler costs while nothing is due."""
    with Bench() as bench:
        asyncio.run(fill(bench, waiting, every=3600, start=LATER))
        worker = Worker(bench)
        worker.go()
        time.sleep(1)  # what the start costs is not measured
        before = bench.cost()
        time.sleep(seconds)  # what it costs to rest so long is measured
        spent = bench.cost() - before
        report = worker.stop()
        # A request is one read of the socket; the INFO that ends the measurement is not the scheduler's.
        return {
            "requests_per_second": (spent.reads - 1) / seconds,
            "commands_per_second": (spent.commands - 1) / seconds,
            "worker_cpu_share": report["cpu"] / (seconds + 1),
        }


def crowd(schedulers: int, seconds: float = 10) -> Figures:
    """So many executing schedulers, and one task due ten times a second: do they all come for it?"""
    with Bench() as bench:
        worker = Worker(bench, schedulers=schedulers, keep_lags=True)
        worker.go()
        time.sleep(1)  # what the start costs is not measured
        asyncio.run(fill(bench, 1, every=0.1))
        before = bench.cost()
        time.sleep(seconds)  # what it costs to rest so long is measured
        spent = bench.cost() - before
        report = worker.stop()
        return {
            "requests_per_run": spent.reads / report["runs"],
            "runs": report["runs"],
            "p50_ms": 1000 * report["lag_p"]["50"],
            "p99_ms": 1000 * report["lag_p"]["99"],
        }
