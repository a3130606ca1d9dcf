"""What a task may ask for beyond its interval: checked before any I/O, and its wire form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, InvalidType, InvalidValue, Rules, Task
from interval_scheduler.model.assignment import to_assignment
from interval_scheduler.model.policy import PLAIN, BadPolicy, Policy, of_header
from interval_scheduler.model.rules import NO_RULES, phase_of
from tests.unit.naming import Bad, names

BAD = [
    pytest.param({"missed": "never"}, InvalidValue, "missed", id="missed unknown"),
    pytest.param({"missed": None}, InvalidValue, "missed", id="missed None"),
    pytest.param({"spread": 1}, InvalidType, "spread", id="spread not bool"),
    pytest.param({"until": "2030-01-01"}, InvalidType, "until", id="until str"),
    pytest.param({"until": datetime(2030, 1, 1)}, InvalidValue, "until", id="until naive"),  # noqa: DTZ001
    pytest.param({"max_runs": 0}, InvalidValue, "max_runs", id="no run"),
    pytest.param({"late": "never"}, InvalidValue, "late", id="late"),
    pytest.param({"late": "skip"}, InvalidValue, "start_deadline", id="no start deadline"),
    pytest.param({"start_deadline": 5}, InvalidValue, "start_deadline", id="start deadline alone"),
    pytest.param({"late": "skip", "start_deadline": 0}, InvalidValue, "start_deadline", id="start deadline 0"),
    pytest.param({"late": "skip", "start_deadline": "5"}, InvalidType, "start_deadline", id="start deadline str"),
    pytest.param({"overlap": "twice"}, InvalidValue, "overlap", id="overlap"),
    pytest.param({"jitter": 0}, InvalidValue, "jitter", id="jitter 0"),
    pytest.param({"jitter": -1}, InvalidValue, "jitter", id="jitter negative"),
    pytest.param({"jitter": "1"}, InvalidType, "jitter", id="jitter str"),
    pytest.param({"max_runs": -1}, InvalidValue, "max_runs", id="runs negative"),
    pytest.param({"max_runs": 1.0}, InvalidType, "max_runs", id="runs float"),
    pytest.param({"max_runs": True}, InvalidType, "max_runs", id="runs bool"),
    pytest.param({"timeout": 0}, InvalidValue, "timeout", id="timeout 0"),
    pytest.param({"timeout": -1}, InvalidValue, "timeout", id="timeout negative"),
    pytest.param({"timeout": "5"}, InvalidType, "timeout", id="timeout str"),
    pytest.param({"timeout": float("nan")}, InvalidValue, "timeout", id="timeout NaN"),
    pytest.param({"timeout": timedelta(0)}, InvalidValue, "timeout", id="timeout timedelta 0"),
    pytest.param({"retries": -1}, InvalidValue, "retries", id="retries negative"),
    pytest.param({"retries": 1001}, InvalidValue, "retries", id="retries too many"),
    pytest.param({"retries": 1.5}, InvalidType, "retries", id="retries float"),
    pytest.param({"retries": None}, InvalidType, "retries", id="retries None"),
    pytest.param({"backoff": 0}, InvalidValue, "backoff", id="backoff 0"),
    pytest.param({"backoff": None}, InvalidType, "backoff", id="backoff None"),
    pytest.param({"group": ""}, InvalidValue, "group", id="group empty"),
    pytest.param({"group": "a;b"}, InvalidValue, "group", id="group with semicolon"),
    pytest.param({"group": "a\nb"}, InvalidValue, "group", id="group with newline"),
    pytest.param({"group": "a\0b"}, InvalidValue, "group", id="group with NUL"),
    pytest.param({"group": "x" * 129}, InvalidValue, "group", id="group over 128 bytes"),
    pytest.param({"group": 7}, InvalidType, "group", id="group not str"),
    pytest.param({"history": -1}, InvalidValue, "history", id="history negative"),
    pytest.param({"history": 101}, InvalidValue, "history", id="history too long"),
    pytest.param({"history": 5.0}, InvalidType, "history", id="history float"),
    pytest.param({"history": True}, InvalidType, "history", id="history bool"),
    pytest.param({"cron": 5}, InvalidType, "cron", id="cron not str"),
    pytest.param({"cron": ""}, InvalidValue, "cron", id="cron empty"),
    pytest.param({"cron": "* * * *"}, InvalidValue, "cron", id="cron of four fields"),
    pytest.param({"cron": "61 * * * *"}, InvalidValue, "cron", id="cron minute 61"),
    pytest.param({"cron": "* * * * noday"}, InvalidValue, "cron", id="cron unknown day"),
    pytest.param({"cron": "0 0 30 2 *"}, InvalidValue, "cron", id="cron that never fires"),
    pytest.param({"cron": "0 0 31 4,6 *"}, InvalidValue, "cron", id="cron that never fires either"),
    pytest.param({"cron": "* * * * *" + " " * 5 + "*" * 300}, InvalidValue, "cron", id="cron too long"),
    pytest.param({"cron": "* * * * *", "timezone": "Europe/Nowhere"}, InvalidValue, "timezone", id="zone unknown"),
    pytest.param({"cron": "* * * * *", "timezone": "../etc/passwd"}, InvalidValue, "timezone", id="zone a path"),
    pytest.param({"cron": "* * * * *", "timezone": ""}, InvalidValue, "timezone", id="zone empty"),
    pytest.param({"cron": "* * * * *", "timezone": None}, InvalidType, "timezone", id="zone None"),
    pytest.param({"timezone": "Europe/Riga"}, InvalidValue, "timezone", id="zone without cron"),
]
EVERY: dict[str, Any] = {"every": 60}
BAD_TOGETHER = [
    pytest.param({"cron": "* * * * *", **EVERY}, "cron", id="cron and interval"),
    pytest.param({"cron": "* * * * *", "repeat": "delay"}, "repeat", id="cron and fixed delay"),
    pytest.param({"cron": "* * * * *", "spread": True}, "spread", id="cron and spread"),
    pytest.param({"spread": True}, "spread", id="spread one-shot"),
    pytest.param({"missed": "skip"}, "missed", id="missed one-shot"),
    pytest.param({"missed": "all", "repeat": "delay", **EVERY}, "missed", id="missed and fixed delay"),
    pytest.param({"until": 5_000_000_000}, "until", id="until one-shot"),
    pytest.param({"max_runs": 3}, "max_runs", id="max_runs one-shot"),
    pytest.param({"overlap": "once"}, "overlap", id="overlap one-shot"),
    pytest.param({"overlap": "once", "repeat": "delay", **EVERY}, "overlap", id="overlap and fixed delay"),
    pytest.param({"overlap": "once", "missed": "all", **EVERY}, "overlap", id="overlap and each missed"),
    pytest.param({"jitter": 5}, "jitter", id="jitter one-shot"),
    pytest.param({"jitter": 5, "repeat": "delay", **EVERY}, "jitter", id="jitter and fixed delay"),
    pytest.param({"jitter": 60, **EVERY}, "jitter", id="jitter as long as the interval"),
    pytest.param({"until": 1_999_999, "start": 2_000_000, **EVERY}, "until", id="until before start"),
]


class Ruled(Task):
    """A task of the application's own with rules."""

    def __init__(self, rules: Any) -> None:
        self._rules = rules

    @property
    def id(self) -> str:
        return "own"

    def serialize(self) -> str:
        return ""

    @property
    def rules(self) -> Rules:
        found: Rules = self._rules
        return found


@pytest.mark.parametrize(("rules", "error", "field"), BAD)
def test_a_bad_rule_is_named(rules: dict[str, Any], error: Bad, field: str) -> None:
    every = {} if "cron" in rules else EVERY
    with pytest.raises(error) as caught:
        Rules(**rules)
    assert names(caught, field)
    with pytest.raises(error) as caught:
        IntervalTask("a", **every, **rules)
    assert names(caught, field)


@pytest.mark.parametrize(("members", "field"), BAD_TOGETHER)
def test_rules_that_do_not_go_together_are_named(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        IntervalTask("a", **members)
    assert names(caught, field)


def test_a_task_of_ones_own_may_have_rules() -> None:
    assert to_assignment(Ruled(Rules(retries=2))).policy == Policy(retries=2)
    with pytest.raises(InvalidValue, match="max_runs"):
        to_assignment(Ruled(Rules(max_runs=2)))
    with pytest.raises(InvalidType, match="rules must be Rules, not dict"):
        to_assignment(Ruled({"retries": 2}))


def test_nothing_is_stored_for_what_is_not_asked_for() -> None:
    assert NO_RULES.to_policy() == PLAIN
    assert PLAIN.encode() == b""
    assert IntervalTask("a", every=5).rules is NO_RULES
    assert to_assignment(IntervalTask("a", every=5)).policy is PLAIN
    assert Policy(retries=1).encode() == b";r1"
    assert Policy(history=7).encode() == b";h7"
    assert Policy(history=7).needs_lease


def test_the_wire_form() -> None:
    task = IntervalTask(
        "a",
        cron=" */5  9-17 * *  mon-fri ",
        timezone="Europe/Riga",
        missed="skip",
        until=datetime(2030, 1, 1, tzinfo=UTC),
        max_runs=7,
        timeout=timedelta(seconds=1.5),
        retries=3,
        backoff=0.25,
        group="tenant-7",
    )
    assert to_assignment(task).policy.encode() == (
        b";ms;u1893456000000;n7;c*/5 9-17 * * mon-fri;zEurope/Riga;r3;b250;t1500;gtenant-7"
    )


texts = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=";"), min_size=1, max_size=20)
counts = st.integers(1, 10**12)
policy = st.builds(
    Policy,
    missed=st.sampled_from(["once", "skip", "all"]),
    until_ms=st.none() | counts,
    max_runs=st.none() | counts,
    cron=st.none() | texts,
    zone=st.none() | texts,
    retries=st.integers(1, 1000),
    history=st.integers(0, 100),
    backoff_ms=counts,
    timeout_ms=st.none() | counts,
    group=st.none() | texts,
    start_deadline_ms=st.none() | counts,
    overlap=st.sampled_from(["skip", "once"]),
    jitter_ms=st.none() | counts,
)


@given(policy, st.sampled_from([b"s", b"bd 5 0", b"s 900000 17 60000"]))
def test_what_is_written_is_read(wanted: Policy, plain: bytes) -> None:
    assert of_header(plain + wanted.encode()) == wanted


@pytest.mark.parametrize("header", [b"s;mx", b"s;u", b"s;ux", b"s;n1.5", b"s;c\xff", b"s;r-"])
def test_broken_controls_cannot_be_read(header: bytes) -> None:
    with pytest.raises(BadPolicy):
        of_header(header)


@given(st.binary(min_size=1, max_size=30), st.integers(1, 10**11))
def test_a_phase_is_within_the_interval(raw_id: bytes, interval: int) -> None:
    assert 0 <= phase_of(raw_id, interval) < interval


def test_a_phase_never_changes() -> None:
    # What other processes, of this version or another, have worked out must come out here too.
    assert phase_of(b"user:7", 900_000) == 516_005
    assert phase_of("ü".encode(), 1) == 0


def test_a_jitter_and_a_rounding_grid_are_refused_together() -> None:
    to_assignment(IntervalTask("a", every=60, jitter=59))
    with pytest.raises(InvalidValue) as caught:
        to_assignment(IntervalTask("a", every=60, jitter=59), 1000)
    assert names(caught, "jitter")


class Often(Ruled):
    """A recurring task of the application's own."""

    @property
    def on_execute_reschedule_to(self) -> float:
        return 5


def test_the_jitter_of_an_own_class_is_compared_with_its_interval() -> None:
    assert to_assignment(Often(Rules(jitter=4.999))).policy.jitter_ms == 4999
    with pytest.raises(InvalidValue, match=r"jitter must be shorter than the interval of 5 s, got 5 s"):
        to_assignment(Often(Rules(jitter=5)))
