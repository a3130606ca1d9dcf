"""`BatchFailed`: what an executor may say of its runs, and what that makes of each."""

from __future__ import annotations

from typing import Any

import pytest

from interval_scheduler import BatchFailed, InvalidType, InvalidValue, Retry
from interval_scheduler.execution.batch_failed import results
from tests.unit.bench import make_runs


def test_it_says_how_many_and_keeps_what_was_given() -> None:
    run, other = make_runs(2)
    given = {run: ValueError("no"), other: Retry(after=5)}
    error = BatchFailed(given)
    assert str(error) == "2 runs of the batch failed"
    given.clear()
    assert list(error.errors) == [run, other], "a copy, which nobody changes"


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (["0"], "errors must be a mapping of TaskRuns to errors, not list"),
        (None, "errors must be a mapping of TaskRuns to errors, not NoneType"),
        ({"0": ValueError()}, "errors must have TaskRuns as keys, not str"),
        ({0: ValueError()}, "errors must have TaskRuns as keys, not int"),
    ],
)
def test_what_is_no_mapping_of_runs_is_refused(errors: Any, words: str) -> None:
    with pytest.raises(InvalidType, match=words) as caught:
        BatchFailed(errors)
    assert caught.value.field == "errors"


@pytest.mark.parametrize("value", ["no luck", None, ValueError])
def test_a_value_that_is_no_error_is_refused(value: Any) -> None:
    (run,) = make_runs(1)
    with pytest.raises(InvalidType, match="errors must have errors as values; that of task '0' is"):
        BatchFailed({run: value})


def test_runs_that_are_not_named_are_done() -> None:
    runs, error = make_runs(3), ValueError("no")
    assert results(runs, None) == [None] * 3
    assert results(runs, BatchFailed({runs[1]: error})) == [None, error, None]
    assert results(runs, BatchFailed({})) == [None] * 3


def test_any_other_error_is_that_of_each() -> None:
    runs, error = make_runs(3), ExceptionGroup("both", [ValueError(), BatchFailed({})])
    assert results(runs, error) == [error] * 3


def test_a_run_of_another_batch_leaves_those_in_doubt_that_are_not_named() -> None:
    runs, (other,) = make_runs(2), make_runs(1, first=7)
    error = ValueError("no")
    first, second = results(runs, BatchFailed({runs[0]: error, other: error}))
    assert first is error
    assert isinstance(second, InvalidValue)
    assert str(second) == "errors of BatchFailed name a run of task '7', which is not of the batch"
