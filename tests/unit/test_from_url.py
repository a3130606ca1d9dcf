"""`Scheduler.from_url`: one URL a partition, and every other option flat."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from interval_scheduler import (
    ConfigurationError,
    ConfigurationTypeError,
    RedisInstance,
    Scheduler,
    SchedulerOptions,
    StorageOptions,
)
from interval_scheduler.config.options import options_from_urls


def test_one_url_a_partition_and_the_first_is_the_master() -> None:
    options = options_from_urls(("redis://a", "redis://b:7000/1"), {})
    assert options.storage.instances == (RedisInstance("a"), RedisInstance("b", 7000, 1))
    assert options.storage.master == RedisInstance("a")


def test_sentinels_may_be_asked_for_some_partitions() -> None:
    options = options_from_urls(("redis+sentinel://a:1,b:2/main/3", "redis://c"), {"wait_replicas": 2})
    assert options.storage.instances == (
        RedisInstance(sentinels=("a:1", "b:2"), service="main", db=3),
        RedisInstance("c"),
    )
    assert options.storage.wait_replicas == 2


def test_one_url_is_all_partitions_of_a_cluster() -> None:
    options = options_from_urls(("redis+cluster://a:1,b:2",), {"master_index": 15})
    assert options.storage.instances == RedisInstance.of_cluster(cluster=("a:1", "b:2"))
    assert len(options.storage.instances) == 16


def test_options_of_both_sorts_are_flat() -> None:
    options = options_from_urls(
        ("redis://a", "redis://b"),
        {"master_index": 1, "task_interval_seconds": 60, "concurrency": 5, "namespace": "n"},
    )
    assert options == SchedulerOptions(
        storage=StorageOptions(
            instances=(RedisInstance("a"), RedisInstance("b")), master_index=1, task_interval_seconds=60
        ),
        concurrency=5,
        namespace="n",
    )


def test_every_option_can_be_given_flat() -> None:
    storage = {field.name: field.default for field in dataclasses.fields(StorageOptions) if field.name != "instances"}
    others = {field.name: field.default for field in dataclasses.fields(SchedulerOptions) if field.name != "storage"}
    assert not set(storage) & set(others), "a name of both sorts would be ambiguous"
    assert options_from_urls(("redis://localhost",), storage | others) == SchedulerOptions()


@pytest.mark.parametrize(
    ("urls", "flat", "error", "field"),
    [
        ((), {}, ConfigurationError, "urls"),
        (("http://h",), {}, ConfigurationError, "url"),
        (("redis://h/notadb",), {}, ConfigurationError, "db"),
        (("redis://h:0",), {}, ConfigurationError, "port"),
        (("redis://h:70000",), {}, ConfigurationError, "port"),
        ((5,), {}, ConfigurationTypeError, "url"),
        (("redis://h", "redis://h/0"), {}, ConfigurationError, "storage.instances"),
        (("memory://", "memory://"), {}, ConfigurationError, "storage.instances"),
        (("redis+cluster://h", "redis://h"), {}, ConfigurationError, "storage.instances"),
        (("redis+cluster://h", "redis+cluster://h"), {}, ConfigurationError, "storage.instances"),
        (("redis+cluster://h",), {"partitions": 3}, ConfigurationError, "partitions"),
        (("redis+cluster://h",), {"master_index": 16}, ConfigurationError, "storage.master_index"),
        (("redis+sentinel://h",), {}, ConfigurationError, "service"),
        (("memory://",), {"wait_replicas": 1}, ConfigurationError, "storage.wait_replicas"),
        (("local://a",), {"wait_replicas": 1}, ConfigurationError, "storage.wait_replicas"),
        (("local://a", "local://./a"), {}, ConfigurationError, "storage.instances"),
        (("local://a", "local://b"), {}, ConfigurationError, "storage.instances"),
        (("redis://h",), {"wait_replicas": 11}, ConfigurationError, "storage.wait_replicas"),
        (("redis://h",), {"concurrency": 0}, ConfigurationError, "concurrency"),
        (("redis://h",), {"master_index": 1}, ConfigurationError, "storage.master_index"),
        (("redis://h",), {"max_connections": "9"}, ConfigurationTypeError, "storage.max_connections"),
        (("redis://h",), {"concurency": 1}, ConfigurationError, "concurency"),
        (("redis://h",), {"master_idnex": 1}, ConfigurationError, "master_idnex"),
        (("redis://h",), {"storage": {}}, ConfigurationError, "storage"),
        (("redis://h",), {"instances": []}, ConfigurationError, "instances"),
    ],
)
def test_what_cannot_be_used(
    urls: tuple[Any, ...], flat: dict[str, Any], error: type[ConfigurationError], field: str
) -> None:
    for attempt in (lambda: options_from_urls(urls, flat), lambda: Scheduler.from_url(*urls, **flat)):
        with pytest.raises(error) as caught:
            attempt()
        assert caught.value.field == field
        assert str(caught.value).startswith(f"{field} ")


def test_a_misspelt_option_gets_a_hint_of_either_sort() -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean concurrency"):
        options_from_urls(("redis://h",), {"concurency": 1})
    with pytest.raises(ConfigurationError, match=r"did you mean master_index"):
        options_from_urls(("redis://h",), {"master_idnex": 1})


def test_a_subclass_gives_a_scheduler_of_its_own_class() -> None:
    class Mine(Scheduler):
        pass

    assert type(Mine.from_url("redis://h")) is Mine


def test_the_repr_says_where_it_works() -> None:
    scheduler = Scheduler.from_url("redis://a", "redis://b?name=two", namespace="n")
    assert repr(scheduler) == "Scheduler(namespace='n', partitions=[a:6379/0, two])"
