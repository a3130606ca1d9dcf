"""The pollers of a partition learn two things from their claims: their idle backoff, and if the load is high."""

from __future__ import annotations

from interval_scheduler.execution.poller import _Load
from interval_scheduler.storage.commands.running import Claimed


def claimed(token: int, count: int = 0) -> Claimed:
    return Claimed(0, -1, b"%d" % token, [b"a"] * count, [b"1"] * count, [b"s\n"] * count, [])


def test_one_that_comes_in_vain_doubles_its_idle_backoff_up_to_a_tenth_of_a_second() -> None:
    load = _Load()
    load.note(claimed(0), got_all=False)  # the first look: nothing is known of others yet
    assert load.idle_backoff == 0
    backoffs = []
    for token in range(1, 12):
        load.note(claimed(token), got_all=False)
        backoffs.append(load.idle_backoff)
    assert backoffs[:3] == [0.002, 0.004, 0.008]
    assert backoffs == sorted(backoffs)
    assert backoffs[-1] == 0.1


def test_one_that_gets_something_is_on_time_again() -> None:
    load = _Load()
    for token in range(1, 5):
        load.note(claimed(token), got_all=False)
    assert load.idle_backoff > 0
    load.note(claimed(5, count=1), got_all=False)
    assert load.idle_backoff == 0


def test_a_task_that_was_removed_is_no_reason_for_an_idle_backoff() -> None:
    load = _Load()
    load.note(claimed(7, count=1), got_all=False)
    for _ in range(3):
        load.note(claimed(7), got_all=False)  # nobody has claimed since
        assert load.idle_backoff == 0
    load.note(claimed(6), got_all=False)  # a reply that was overtaken
    assert load.idle_backoff == 0


def test_the_load_is_high_while_claims_get_all_they_ask_for() -> None:
    load = _Load()
    assert not load.is_high.is_set()
    load.note(claimed(1, count=5), got_all=True)
    assert load.is_high.is_set()
    load.note(claimed(2, count=4), got_all=False)
    assert not load.is_high.is_set()


def test_one_that_left_work_to_the_next_claim_did_not_come_in_vain() -> None:
    """Such a claim moved tasks of a group out of the way of others."""
    load = _Load()
    for token in range(40):
        load.note(claimed(token)._replace(now_us=5_000_000, next_claim_ms=5000 - token % 2), got_all=False)
        assert load.idle_backoff == 0
    load.note(claimed(41)._replace(now_us=5_000_000, next_claim_ms=5001), got_all=False)
    assert load.idle_backoff > 0
