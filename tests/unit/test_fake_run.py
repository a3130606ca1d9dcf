"""`fake_run()`: an executor that uses `current_run()`, called directly."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from interval_scheduler import InvalidType, InvalidValue, OutsideRun, TaskRun, current_run
from interval_scheduler.testing import fake_run


async def executor(data: str) -> tuple[str, str, int, float]:
    run = current_run()
    await asyncio.sleep(0)  # a run that suspends
    return data, run.id, run.attempt, run.lag


def test_every_attribute_can_be_chosen() -> None:
    due = datetime(2030, 1, 1, tzinfo=UTC)
    with fake_run(id="ü", data=b"x", due=due, attempt=3, lag=0.1, token=9, partition="here:1/0") as run:
        assert current_run() is run
        assert isinstance(run, TaskRun)
        assert (run.id, run.data, run.due, run.attempt) == ("ü", b"x", due.timestamp(), 3)
        assert (run.lag, run.token, run.partition) == (0.1, 9, "here:1/0")
        assert (run.duration, run.error) == (None, None)
        assert repr(run) == f"TaskRun(id='ü', due={due.timestamp()}, attempt=3, token=9)"


def test_the_defaults_are_those_of_a_first_run_in_time() -> None:
    with fake_run(lag=60) as run:
        assert (run.id, run.data, run.attempt, run.lag, run.token, run.partition) == ("fake", "", 1, 60.0, 1, "fake")
        assert abs(time.time() - 60 - run.due) < 5


def test_an_executor_can_be_called_in_a_plain_test() -> None:
    with fake_run(id="user:7", attempt=2):
        assert asyncio.run(executor("data")) == ("data", "user:7", 2, 0.0)


@pytest.mark.asyncio
async def test_an_executor_can_be_called_in_an_asynchronous_test() -> None:
    with fake_run(id="user:7", lag=2.5):
        assert await executor("data") == ("data", "user:7", 1, 2.5)
        assert await asyncio.create_task(executor("data")) == ("data", "user:7", 1, 2.5)


def test_the_run_before_is_back_afterwards() -> None:
    with fake_run(id="outer") as outer:
        with pytest.raises(KeyError), fake_run(id="inner"):  # noqa: PT012 - the block is the point
            assert current_run().id == "inner"
            raise KeyError
        assert current_run() is outer
    with pytest.raises(OutsideRun):
        current_run()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"id": ""}, InvalidValue, "^id must not be empty"),
        ({"id": 7}, InvalidType, "^id must be a str"),
        ({"data": 7}, InvalidType, "^data must be str or bytes"),
        ({"due": "now"}, InvalidType, "^due must be epoch seconds"),
        ({"attempt": 0}, InvalidValue, "^attempt must be at least 1, got 0"),
        ({"attempt": True}, InvalidType, "^attempt must be an int, not bool"),
        ({"lag": -1}, InvalidValue, "^lag must be at least 0, got -1"),
        ({"token": 1.5}, InvalidType, "^token must be an int, not float"),
        ({"partition": None}, InvalidType, "^partition must be a str, not NoneType"),
    ],
)
def test_a_bad_argument_is_named(options: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match), fake_run(**options):
        pytest.fail("never reached")
