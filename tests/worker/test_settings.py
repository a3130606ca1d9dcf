"""Settings from the environment."""

from __future__ import annotations

import pytest

from interval_scheduler import ConfigurationError
from interval_scheduler.environment import options_from, urls_from
from interval_scheduler.worker import Worker


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
    options = worker._made((), {"namespace": "call"})._options
    assert (options.concurrency, options.namespace, options.prefetch) == (2, "call", 1)
    assert options.storage.instances[0].host == "environment"
    assert worker._made(("redis://call:1",), {})._options.storage.instances[0].host == "call"


def test_urls_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERVAL_SCHEDULER_REDIS", raising=False)
    with pytest.raises(ConfigurationError, match="INTERVAL_SCHEDULER_REDIS"):
        Worker()._made()
