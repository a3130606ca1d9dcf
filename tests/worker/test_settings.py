"""Settings from the environment."""

from __future__ import annotations

import pytest

from interval_scheduler import ConfigurationError
from interval_scheduler.environment import options_from, urls_from
from interval_scheduler.worker import Worker
from interval_scheduler.worker.typos import Typo, typos_in


def test_each_type_of_option_is_read() -> None:
    environment = {
        "INTERVAL_SCHEDULER_CONCURRENCY": " 7 ",
        "INTERVAL_SCHEDULER_LEASE_SECONDS": "1.5",
        "INTERVAL_SCHEDULER_RUN_TIMEOUT_SECONDS": "none",
        "INTERVAL_SCHEDULER_DELIVERY": "at-most-once",
        "INTERVAL_SCHEDULER_ALLOW_EVICTION": "Yes",
        "INTERVAL_SCHEDULER_GROUP_CONCURRENCY": '{"*": 2}',
        "INTERVAL_SCHEDULER_NAMESPACE": "app",
        "INTERVAL_SCHEDULER_PREFETCH": "",
        "INTERVAL_SCHEDULER_PORT": "tcp://10.0.0.1:80",
        "INTERVAL_SCHEDULER_LEAVING": "nothing",
    }
    assert options_from(environment) == {
        "concurrency": 7,
        "lease_seconds": 1.5,
        "run_timeout_seconds": None,
        "delivery": "at-most-once",
        "allow_eviction": True,
        "group_concurrency": {"*": 2},
        "namespace": "app",
    }
    assert options_from({"INTERVAL_SCHEDULER_GROUP_CONCURRENCY": "3"}) == {"group_concurrency": 3}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CONCURRENCY", "many"),
        ("LEASE_SECONDS", "1s"),
        ("ALLOW_EVICTION", "perhaps"),
        ("GROUP_CONCURRENCY", "{1}"),
        ("DELIVERY", "once"),
    ],
)
def test_what_cannot_be_read_names_the_variable(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_from({f"INTERVAL_SCHEDULER_{name}": text})
    assert caught.value.field == f"INTERVAL_SCHEDULER_{name}"


def test_urls_have_blanks_between() -> None:
    assert urls_from({"INTERVAL_SCHEDULER_REDIS": " redis://a  redis://b "}) == ("redis://a", "redis://b")
    assert urls_from({}) == ()


def test_the_later_one_is_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker("redis://code:1", concurrency=1, namespace="code", prefetch=1)
    monkeypatch.setenv("INTERVAL_SCHEDULER_REDIS", "redis://environment:1")
    monkeypatch.setenv("INTERVAL_SCHEDULER_CONCURRENCY", "2")
    monkeypatch.setenv("INTERVAL_SCHEDULER_NAMESPACE", "environment")
    settled = worker._settled({"namespace": "call"})
    options = worker._made((), settled)._options
    assert (options.concurrency, options.namespace, options.prefetch) == (2, "call", 1)
    assert options.storage.instances[0].host == "environment"
    assert worker._made(("redis://call:1",), settled)._options.storage.instances[0].host == "call"


def test_urls_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERVAL_SCHEDULER_REDIS", raising=False)
    with pytest.raises(ConfigurationError, match="INTERVAL_SCHEDULER_REDIS"):
        Worker()._made((), {})


def test_names_that_are_close_to_a_setting_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("INTERVAL_SCHEDULER_CONCURENCY", "hidden-word")
    monkeypatch.setenv("INTERVAL_SCHEDULER_CONCURRENCY", "2")
    Worker("redis://code:1")._settled({})
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "INTERVAL_SCHEDULER_CONCURENCY in the environment is no setting; is INTERVAL_SCHEDULER_CONCURRENCY meant?"
    ]

    class Broken:
        def warning(self, *_: object) -> None:
            raise RuntimeError("a logger of the application")

    assert Worker("redis://code:1", logger=Broken())._settled({})["concurrency"] == 2


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CONCURENCY", "CONCURRENCY"),
        ("REDIS_URL", "REDIS"),
        ("REDDIS", "REDIS"),
        ("LEASE_SECS", "LEASE_SECONDS"),
        ("name_space", "NAMESPACE"),
    ],
)
def test_what_was_meant(name: str, meant: str) -> None:
    variable = f"INTERVAL_SCHEDULER_{name}"
    assert typos_in({variable: "1"}) == [Typo(variable, f"INTERVAL_SCHEDULER_{meant}")]


def test_names_of_others_are_left_alone() -> None:
    others = [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_6379_TCP",
        "PORT_6379_TCP_PROTO",
        "REDIS_SERVICE_HOST",
        "REDIS_PORT",
        "REDIS_PORT_6379_TCP_ADDR",
        "SOMETHING_ELSE",
    ]
    known = ["REDIS", "CONCURRENCY", "NAMESPACE", "LEAVING"]
    assert typos_in({f"INTERVAL_SCHEDULER_{name}": "1" for name in (*others, *known)}) == []
    assert typos_in({"CONCURENCY": "1", "PATH": "/bin"}) == []
