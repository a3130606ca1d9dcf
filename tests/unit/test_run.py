"""`TaskRun`, `current_run` and what may be an executor."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from typing import Any

import pytest

from interval_scheduler import InvalidType, OutsideRun, TaskRun, current_run
from interval_scheduler.execution.executor import check_executor
from interval_scheduler.execution.grant import Grant


def a_run(*, due: bytes = b"1700000000250", tries: bytes | None = None, received_at: float = 50.0) -> TaskRun:
    grant = Grant("here:1/0", b"1700000000300000", 1_700_000_000.3, received_at, math.inf, 75.0, is_leased=True)
    return TaskRun(grant, "ü".encode(), due, b"s 1000 0\ndata", tries)


def test_what_a_run_tells() -> None:
    run = a_run()
    assert run.id == "ü"
    assert run.due == 1_700_000_000.25
    assert run.attempt == 1
    assert run.token == 1_700_000_000_300_000
    assert run.partition == "here:1/0"
    assert run.trusted_until == 75.0


def test_an_attempt_counts_the_deliveries_that_failed() -> None:
    assert a_run(tries=b"2").attempt == 3


@pytest.mark.asyncio
async def test_the_lag_is_by_the_clock_of_the_partition() -> None:
    # Claimed 50 ms after it was due by the server's clock, started 200 ms after the claim by the monotonic one.
    run = a_run(received_at=time.monotonic())
    task = asyncio.current_task()
    assert task is not None
    run.begin(task, run.received_at + 0.2)
    assert run.lag == pytest.approx(0.25, abs=1e-5)
    assert run.started_at == run.received_at + 0.2
    assert (run.header, run.data) == (b"s 1000 0", "data")
    assert current_run() is run


def test_a_repr_shows_no_payload() -> None:
    # Payloads may be private, and runs are written to logs.
    assert "data" not in repr(a_run())
    assert "id='ü'" in repr(a_run())


def test_there_is_no_run_outside_of_an_executor() -> None:
    with pytest.raises(OutsideRun, match=r"inside of an executor"):
        current_run()


def test_a_run_that_has_not_begun_cannot_be_cut() -> None:
    run = a_run()
    assert not run.cut("handed back")
    assert run.cut_short is None


async def function(data: Any) -> None: ...


class WithCall:
    async def __call__(self, data: Any) -> None: ...

    async def method(self, data: Any) -> None: ...

    @staticmethod
    async def static(data: Any) -> None: ...

    @classmethod
    async def of_class(cls, data: Any) -> None: ...


def plain(data: Any) -> None: ...


class PlainCall:
    def __call__(self, data: Any) -> None: ...


async def generator(data: Any) -> Any:
    yield data


@pytest.mark.parametrize(
    "executor",
    [
        function,
        WithCall(),
        WithCall().method,
        WithCall.static,
        WithCall.of_class,
        functools.partial(function),
        functools.partial(functools.partial(WithCall())),
    ],
)
def test_coroutine_functions_of_all_sorts(executor: object) -> None:
    check_executor(executor)


@pytest.mark.parametrize(
    "executor", [plain, PlainCall(), lambda data: data, functools.partial(plain), print, int, generator, WithCall]
)
def test_other_functions_are_refused_with_a_hint(executor: object) -> None:
    with pytest.raises(InvalidType, match=r"^executor must be a coroutine function: write 'async def', .*to_thread"):
        check_executor(executor)


@pytest.mark.parametrize("executor", [None, "function", 5])
def test_what_cannot_be_called_is_refused(executor: object) -> None:
    with pytest.raises(InvalidType, match=rf"^executor must be a coroutine function, not {type(executor).__name__}$"):
        check_executor(executor)


def test_a_coroutine_is_not_a_coroutine_function() -> None:
    # `start_task_execute(run(x))` instead of `run`.
    coroutine = function(1)
    with pytest.raises(InvalidType, match=r"not coroutine$"):
        check_executor(coroutine)
    coroutine.close()
