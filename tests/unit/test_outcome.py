"""What becomes of a run: whether it is carried out, how it ends, and when the next attempt is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import Retry, TaskRun
from interval_scheduler.execution.grant import Grant
from interval_scheduler.execution.outcome import LONGEST_BACKOFF_MS, ending_header, failure, judge

NOW_MS = 1_800_000_000_000


def run_of(record: bytes, due_ms: int = NOW_MS, failed: bytes | None = None, *, leased: bool = True) -> TaskRun:
    grant = Grant("p", b"17", NOW_MS / 1000, 100.0, 101.0, 125.0, is_leased=leased)
    run = TaskRun(grant, b"a", b"%d" % due_ms, record, failed)
    run.read()
    return run


def test_a_plain_run_is_carried_out_and_trusted_as_it_was_claimed() -> None:
    assert judge(run_of(b"s 1000 0\nx"), 100.5, 10) == "run"
    assert run_of(b"s\nx").trusted_until == 125.0
    once = run_of(b"s\nx", leased=False)
    assert (once.is_leased, once.trusted_until, once.start_by) == (False, math.inf, math.inf)


@pytest.mark.parametrize("control", [b"c* * * * *", b"n3", b"r1", b"ggroup"])
def test_what_only_a_completion_can_decide_is_leased_at_any_delivery(control: bytes) -> None:
    run = run_of(b"s 1000 0;" + control + b"\nx", leased=False)
    assert (run.is_leased, run.trusted_until, run.start_by) == (True, 125.0, 101.0)
    assert judge(run, 101.1, 10) == "late"


@pytest.mark.parametrize(
    ("record", "late_by", "expected"),
    [
        (b"s 1000 0;ms\nx", 999, "run"),
        (b"s 1000 0;ms\nx", 1_000, "pass over"),
        (b"s 1000 0;ma\nx", 50_000, "run"),
        (b"s 1000 0\nx", 50_000, "run"),
        (b"s;c* * * * *;ms\nx", 0, "run"),
        (b"s;c* * * * *;ms\nx", 60_000, "pass over"),
        (b"s 1000 0;u%d\nx" % NOW_MS, 0, "run"),
        (b"s 1000 0;u%d\nx" % (NOW_MS - 1), 0, "run"),
    ],
)
def test_whether_a_late_run_is_carried_out(record: bytes, late_by: int, expected: str) -> None:
    assert judge(run_of(record, NOW_MS - late_by), 100.0, 10) == expected


@pytest.mark.parametrize(
    ("failed", "expected"),
    [(4, "run"), (5, "run alone"), (9, "run alone"), (10, "crashes"), (11, "crashes")],
)
def test_a_task_that_crashes_is_run_so_often_and_at_last_alone(failed: int, expected: str) -> None:
    assert judge(run_of(b"s\nx", failed=b"%d" % failed), 100.0, 10) == expected
    assert judge(run_of(b"s;r7\nx", failed=b"%d" % (7 + failed)), 100.0, 10) == expected, "retries are no crashes"


@pytest.mark.parametrize("max_crashes", [1, 2, 3])
def test_how_soon_it_is_run_alone(max_crashes: int) -> None:
    verdicts = [judge(run_of(b"s\nx", failed=b"%d" % failed), 100.0, max_crashes) for failed in range(1, max_crashes)]
    assert verdicts == ["run alone"] * (max_crashes - 1)


def test_the_header_of_a_cron_task_ends_with_its_next_due_time() -> None:
    assert ending_header(run_of(b"s 1000 0\nx"), NOW_MS) == b"s 1000 0"
    assert ending_header(run_of(b"s;c* * * * *\nx"), NOW_MS + 90_000) == b"s;c* * * * *;@%d" % (NOW_MS + 120_000)
    assert ending_header(run_of(b"s 1000 0;ms;n5;r2\nx"), NOW_MS) == b"s 1000 0;ms;n5;r2"
    assert ending_header(run_of(b"s 1000 0;ms;n5;r2\nx"), NOW_MS, ran=False) == b"s 1000 0;ms;r2;~-", "no run to count"
    missed = run_of(b"s;c* * * * *;ma\nx", NOW_MS - 600_000)
    assert ending_header(missed, NOW_MS).endswith(b";@%d" % (NOW_MS - 540_000))


@given(st.integers(1, 30), st.integers(0, 29), st.floats(0, 1), st.integers(1, 10**7))
def test_delays_double_and_are_shortened_at_random(retries: int, failed: int, jitter: float, backoff: int) -> None:
    run = run_of(b"s;r%d;b%d\nx" % (retries, backoff), failed=b"%d" % failed if failed else None)
    made = failure(run, RuntimeError("x"), NOW_MS, jitter)
    if failed >= retries:
        assert made.retry_ms is None
    else:
        longest = max(min(backoff * 2**failed, LONGEST_BACKOFF_MS), backoff)
        assert made.retry_ms is not None
        assert max(1, longest // 2 - 1) <= made.retry_ms <= longest
    assert (made.charge, made.raw_id, made.lease) == (True, b"a", b"17 %d" % NOW_MS)


def test_an_attempt_that_was_asked_for_is_not_charged() -> None:
    made = failure(run_of(b"s\nx"), Retry(after=1.5), NOW_MS, 0.9)
    assert (made.retry_ms, made.charge) == (1_500, False)


def test_what_is_kept_of_an_error_is_bounded() -> None:
    made = failure(run_of(b"s\nx"), ValueError("x" * 10_000), NOW_MS, 0)
    assert len(made.error) == 1_000
    assert made.error.startswith("ValueError: xxx")


def test_what_only_waited_for_a_place_is_no_crash() -> None:
    run = run_of(b"s\nx", failed=b"0")
    assert judge(run, 100.0, 1) == "run"
    assert (run.attempt, run.charged) == (2, 0)
    assert failure(run_of(b"s;r1\nx", failed=b"0"), LookupError(), NOW_MS, 0.0).retry_ms == 1000


def test_the_next_time_that_was_known_when_the_run_began_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(b"s;c* * * * *\nx")
    assert judge(run, 100.0, 10) == "run"

    def gone(*_: object, **__: object) -> int:
        raise LookupError

    monkeypatch.setattr("interval_scheduler.execution.outcome.next_due_cron", gone)
    assert NOW_MS < run.planned_ms <= NOW_MS + 60_000
    for late in (0, 120_000):  # it has passed meanwhile: the next run is due at once
        assert ending_header(run, NOW_MS + late) == run.header + b";@%d" % run.planned_ms


def test_a_one_shot_has_no_occurrence_by_which_it_could_be_missed() -> None:
    assert judge(run_of(b"s;ms\nx", NOW_MS - 10_000), 100.0, 10) == "run"
