"""The names of queues, and the options that a queue has of its own: checked before any I/O."""

from __future__ import annotations

from typing import Any

import pytest

from interval_scheduler import (
    BlockingScheduler,
    ConfigurationError,
    InvalidType,
    InvalidValue,
    Scheduler,
    SchedulerOptions,
)
from interval_scheduler.config.namespaces import LONGEST_NAMESPACE
from interval_scheduler.config.queue_options import LONGEST_NAME, check_queue_name, is_queue_name, queue_options


@pytest.mark.parametrize("name", ["m", "mail", "Mail-2", "a:b", "reports_daily", "x" * LONGEST_NAME])
def test_good_names(name: str) -> None:
    assert check_queue_name(name, "app") == name
    assert is_queue_name(name, "app")
    assert queue_options(SchedulerOptions(namespace="app"), name, {}).namespace == f"app.{name}"


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (None, InvalidType, "^name must be a str, not NoneType"),
        (b"mail", InvalidType, "^name must be a str, not bytes"),
        ("", InvalidValue, "^name must have 1 to 64 characters, got 0"),
        ("x" * (LONGEST_NAME + 1), InvalidValue, "^name must have 1 to 64 characters, got 65"),
        ("a.b", InvalidValue, "^name must not contain a dot"),
        (".", InvalidValue, "^name must not contain a dot"),
        ("a b", InvalidValue, "^name must not contain ' '"),
        ("{a}", InvalidValue, "^name must not contain '{' '}'"),
        ("a*", InvalidValue, r"^name must not contain '\*'"),
        ("a\0", InvalidValue, "^name must not contain"),
        ("a\x01", InvalidValue, "^name must be of printable ASCII"),
        ("größe", InvalidValue, "^name must be of printable ASCII"),
    ],
)
@pytest.mark.parametrize("kind", [Scheduler, BlockingScheduler])
def test_bad_names(kind: Any, name: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        kind.from_url("redis://127.0.0.1:1/0").queue(name)
    if isinstance(name, str):
        assert not is_queue_name(name, "app")


def test_a_name_that_is_too_long_for_its_namespace() -> None:
    namespace = "n" * (LONGEST_NAMESPACE - 5)
    assert check_queue_name("mail", namespace) == "mail"
    with pytest.raises(InvalidValue, match=f"^name is too long for this namespace: .* at most {LONGEST_NAMESPACE} ch"):
        check_queue_name("mails", namespace)


def test_a_queue_has_no_queues() -> None:
    mail = Scheduler.from_url("memory://").queue("mail")
    with pytest.raises(InvalidValue, match=r"^name cannot be that of a queue inside of the queue 'mail'"):
        mail.queue("urgent")


def test_options_of_its_own() -> None:
    namespace = SchedulerOptions(namespace="app", concurrency=50, lease_seconds=7)
    made = queue_options(namespace, "mail", {"concurrency": 5})
    assert (made.namespace, made.concurrency, made.lease_seconds) == ("app.mail", 5, 7)
    assert made.storage is namespace.storage


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"storage": {}}, "^storage cannot be given for a queue"),
        ({"namespace": "x"}, "^namespace cannot be given for a queue"),
        ({"on_offline": "hint"}, "^on_offline cannot be given for a queue"),
        ({"max_hints": 1}, "^max_hints cannot be given for a queue"),
        ({"concurency": 1}, r"^concurency is not an option of a queue: did you mean concurrency\?$"),
        ({"colour": 1}, "^colour is not an option of a queue; known: .*concurrency"),
        ({"concurrency": 0}, "^concurrency must be"),
        ({"redis://:secret@host": 1}, r"^\(not shown\) is not an option of a queue"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        Scheduler.from_url("redis://127.0.0.1:1/0").queue("mail", **options)
    assert "secret" not in str(caught.value)


def test_a_refused_queue_was_not_asked_for() -> None:
    scheduler = Scheduler.from_url("memory://")
    with pytest.raises(ConfigurationError):
        scheduler.queue("mail", concurrency=0)
    assert scheduler.queue("mail", concurrency=3)._options.concurrency == 3


def test_the_same_name_is_the_same_queue() -> None:
    scheduler = Scheduler.from_url("memory://", namespace="app", concurrency=50)
    mail = scheduler.queue("mail", concurrency=5)
    assert scheduler.queue("mail") is mail
    assert scheduler.queue("mail", concurrency=5) is mail
    with pytest.raises(ConfigurationError, match=r"^concurrency is 5 for the queue 'mail', which was asked for before"):
        scheduler.queue("mail", concurrency=6)
    with pytest.raises(ConfigurationError, match=r"^concurency is not an option of a queue"):
        scheduler.queue("mail", concurency=6)
    assert scheduler.queue("feeds") is not mail


def test_what_it_looks_like() -> None:
    scheduler = Scheduler.from_url("memory://", namespace="app")
    assert repr(scheduler.queue("mail")) == "Scheduler(namespace='app', queue='mail', partitions=[memory:/0])"
    blocking = BlockingScheduler.from_url("memory://", namespace="app")
    assert repr(blocking.queue("mail")) == "BlockingScheduler(namespace='app', queue='mail', partitions=[memory:/0])"
    assert blocking.queue("mail") is blocking.queue("mail")
