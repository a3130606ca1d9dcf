"""Locks over long histories: several processes, lost replies, broken connections, a killed process; then with planted
bugs, each of which the same run has to reveal.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from tests.servers import RedisServer

from .figures import often, tell
from .linearizability import Operation, violations
from .lock_history import read_history
from .lock_worker import BUGS, CLIENTS, Plan, work

PROCESSES = 3
OPERATIONS = often(3_000, 52_000)
OPERATIONS_WITH_A_BUG = often(900, 6_000)
#: By how much the clock of each process is ahead of that of the one before.
SKEW_US = 2_000_000

# Processes are forked from one that has the modules loaded already, and nothing else of the tests.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.faults.lock_worker"])


@contextmanager
def started(plan: Plan, together: Barrier | None = None) -> Iterator[BaseProcess]:
    """A worker, killed at the end at the latest."""
    process = _forks.Process(target=work, args=(plan, together))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def record(
    server: RedisServer, namespace: str, folder: Path, operations: int, bug: str | None = None
) -> list[Operation]:
    """A history of so many operations. One process dies half-way through its share, and another takes over."""
    share = operations // PROCESSES

    def plan(number: int, operations: int, die_after: int = 0) -> Plan:
        return Plan(server.port, namespace, folder / f"{number}", operations, die_after, bug, number * SKEW_US)

    plans = [plan(0, share, share // 2), plan(1, share), plan(2, share), plan(3, share - share // 2)]
    together = _forks.Barrier(PROCESSES)
    with (
        started(plans[0], together) as victim,
        started(plans[1], together) as one,
        started(plans[2], together) as two,
    ):
        victim.join(600)
        assert victim.exitcode == -signal.SIGKILL
        with started(plans[3]) as successor:
            for process in (one, two, successor):
                process.join(600)
            assert [process.exitcode for process in (one, two, successor)] == [0, 0, 0]
    return [operation for plan in plans for operation in read_history(plan.history)]


def told(history: list[Operation]) -> str:
    """What a history consists of."""
    unknown = sum(operation.done is None for operation in history)
    locks = len({operation.lock for operation in history})
    return f"{len(history):,} operations on {locks} locks, {unknown} of unknown outcome"


def test_a_long_history_is_linearizable(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    history = record(redis_server, namespace, tmp_path, OPERATIONS)
    kinds = {(operation.kind, operation.done) for operation in history if operation.done is not None}
    assert kinds == {(kind, done) for kind in ("acquire", "extend", "release") for done in (True, False)}
    assert any(operation.done is None for operation in history), "at least that of the killed process"
    found = violations(history)
    tell(
        "locks",
        f"{PROCESSES} processes of {CLIENTS} clients; requests and replies lost, outages, one process killed",
        count=told(history),
        expected="linearizable, tokens strictly increase",
        figure=f"violations: {len(found)}" + "".join(f"; {violation}" for violation in found[:1]),
        holds=not found,
    )


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(redis_server: RedisServer, namespace: str, tmp_path: Path, bug: str) -> None:
    history = record(redis_server, namespace, tmp_path, OPERATIONS_WITH_A_BUG, bug)
    found = violations(history)
    locks = len({violation.operation.lock for violation in found})
    tell(
        "locks",
        f"planted bug: {bug}",
        count=told(history),
        expected="caught",
        figure=f"caught on {locks} locks" if found else "not caught",
        holds=bool(found),
    )
