"""The checks of reasons and actors, and the texts that are kept of them."""

from __future__ import annotations

import pytest

from interval_scheduler import Action, ConfigurationError, InvalidType, InvalidValue, PausedState, Rate, acting_as
from interval_scheduler.config.options import SchedulerOptions
from interval_scheduler.facade.acting import note
from interval_scheduler.model.quotas import Quotas, caps_change, rate_change
from interval_scheduler.model.steering import check_actor, check_reason, to_action, to_paused

NOT_PRINTABLE = ["a\nb", "\x1b[31m", "a\tb", "\0", "\ud800", "\u202e", "\x7f", "a\u2028b"]


@pytest.mark.parametrize("reason", [None, "", "why", "ж" * 500, "a: b (c) {d}"])
def test_reasons(reason: str | None) -> None:
    assert check_reason(reason) == (reason or "")


@pytest.mark.parametrize("reason", ["x" * 501, *NOT_PRINTABLE])
def test_bad_reasons(reason: str) -> None:
    with pytest.raises(InvalidValue, match=r"^reason must have"):
        check_reason(reason)


@pytest.mark.parametrize("reason", [b"x", 5, True, ["x"]])
def test_reasons_of_other_types(reason: object) -> None:
    with pytest.raises(InvalidType, match=r"^reason must be a str or None, not"):
        check_reason(reason)


@pytest.mark.parametrize("actor", ["alice@example.com", "Alice A.", "ж" * 100])
def test_actors(actor: str) -> None:
    assert check_actor(actor) == actor
    assert SchedulerOptions(actor=actor).actor == actor


@pytest.mark.parametrize("actor", ["", "x" * 101, *NOT_PRINTABLE])
def test_bad_actors(actor: str) -> None:
    with pytest.raises(InvalidValue, match=r"^actor must"), acting_as(actor):
        raise AssertionError("never reached")
    with pytest.raises(ConfigurationError, match=r"^actor must"):
        SchedulerOptions(actor=actor)


@pytest.mark.parametrize("actor", [None, 5, b"x"])
def test_actors_of_other_types(actor: object) -> None:
    with pytest.raises(InvalidType, match=r"^actor must be a str, not"), acting_as(actor):  # type: ignore[arg-type]
        raise AssertionError("never reached")


def test_who_asks() -> None:
    assert note("bot", "pause").who == b"bot"
    host, _, process = note(None, "pause").who.partition(b":")
    assert host
    assert process.isdigit()
    with acting_as("alice"):
        assert note("bot", "pause").who == b"alice"
        with acting_as("bob"):
            assert note(None, "pause").who == b"bob"
        assert note(None, "pause").who == b"alice"
    assert note("bot", "pause").who == b"bot"


def test_each_call_of_several_requests_has_a_name_of_its_own() -> None:
    first, second = (note("bot", "pause_tasks", prefix="a", in_steps=True) for _ in range(2))
    assert first.its_call != second.its_call
    assert note("bot", "pause_task").its_call == b""


def test_what_is_kept_of_a_pause() -> None:
    assert to_paused(b"1500 alice b\nwhy not") == PausedState(1.5, "alice b", "why not")
    assert to_paused(b"1500 alice\n") == PausedState(1.5, "alice", None)
    assert to_paused(b"1500") == PausedState(1.5, None, None), "as earlier releases wrote it"
    assert to_paused(b"1500 \xff\n\xfe") == PausedState(1.5, r"\xff", r"\xfe")
    for raw in (b"", b"x", b"-5 a\nb", b"1e5 a", b"9" * 17):
        assert to_paused(raw) == PausedState(None, None, None)


def test_what_is_kept_of_an_action() -> None:
    line = b"7 1500 2500 3 pause_task - \n"
    assert to_action(b"7 1500 2500 3 pause_task -\nalice\nwhy\nia\nb", "p") == Action(
        1.5, 2.5, "alice", "pause_task", "a\nb", None, 3, "why", "p"
    )
    found = to_action(b"7 1500 2500 3 pause_tasks 0a\nalice\n\npa", "p")
    assert found is not None
    assert (found.task_id, found.prefix, found.details) == (None, "a", None)
    found = to_action(b"7 1500 1500 1 pause -\nalice\n\n", "p")
    assert found is not None
    assert (found.task_id, found.prefix) == (None, None)
    for raw in (b"", line, b"7 x 2500 3 pause_task -\na\nb\n", b"7 1500 2500 3 of_a_later_release -\na\nb\n"):
        assert to_action(raw, "p") is None


def test_changes_of_quotas_in_one_line() -> None:
    none, some = Quotas(), Quotas(1, Rate(100, per=60), {"g": Rate(5)}, {"*": 5, "a": 1})
    assert rate_change(none, some, None) == "none -> 100 in 60 s, burst 1"
    assert rate_change(some, none, "g") == "5 in 1 s, burst 1 -> none, group g"
    assert caps_change(none, some) == "none -> *: 5, a: 1"
    assert caps_change(some, Quotas(caps={"*": 5, "a": 2})) == "a: 1 -> a: 2"
    many = caps_change(none, Quotas(caps={"*": 0} | {f"{n:064}": 1 for n in range(1000)}))
    assert many.endswith(", and 993 more")
    assert len(many) < 1000
