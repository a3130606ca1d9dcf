"""The options as values and as mappings, in snake_case and in the original's camelCase."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from interval_scheduler import (
    ConfigurationError,
    ConfigurationTypeError,
    RedisInstance,
    SchedulerOptions,
    StorageOptions,
)
from interval_scheduler.config.options import check_concurrency, to_options

TWO = (RedisInstance("a"), RedisInstance("b"))


def test_the_defaults() -> None:
    options = SchedulerOptions()
    assert options.check_tasks_every_seconds == 10
    assert options.delivery == "at-least-once"
    assert options.storage.instances == (RedisInstance("localhost", 6379, 0),)
    assert options.storage.master_index == 0
    assert options.storage.reconnect_interval_seconds == 1
    assert options.storage.task_interval_seconds == 0
    assert to_options(None) == options
    assert to_options({}) == options


def test_options_are_taken_as_they_are() -> None:
    options = SchedulerOptions(concurrency=5)
    assert to_options(options) is options


def test_the_renewal_is_three_tenths_of_the_lease_unless_told() -> None:
    assert SchedulerOptions(lease_seconds=10).renewal_seconds == pytest.approx(3)
    assert SchedulerOptions(lease_seconds=10, lease_renewal_seconds=1).renewal_seconds == 1


def test_the_master() -> None:
    assert StorageOptions(instances=TWO, master_index=1).master == RedisInstance("b")


def test_a_mapping_in_snake_case() -> None:
    options = to_options(
        {
            "storage": {
                "instances": [{"host": "h", "port": 7000, "db": 2}, "redis://b", RedisInstance("c")],
                "master_index": 2,
                "reconnect_interval_seconds": 5,
                "task_interval_seconds": 60,
            },
            "check_tasks_every_seconds": 60,
        }
    )
    assert options == SchedulerOptions(
        storage=StorageOptions(
            instances=(RedisInstance("h", 7000, 2), RedisInstance("b"), RedisInstance("c")),
            master_index=2,
            reconnect_interval_seconds=5,
            task_interval_seconds=60,
        ),
        check_tasks_every_seconds=60,
    )


def test_every_option_may_be_given_in_camel_case() -> None:
    def camel(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(word.capitalize() for word in rest)

    storage = StorageOptions(
        instances=TWO,
        master_index=1,
        reconnect_interval_seconds=2,
        task_interval_seconds=3,
        connect_timeout_seconds=4,
        operation_timeout_seconds=6,
        max_connections=7,
        allow_eviction=True,
        wait_replicas=1,
        list_epoch=8,
        leaving=(RedisInstance("left"),),
    )
    options = SchedulerOptions(
        storage=storage,
        check_tasks_every_seconds=1,
        namespace="n",
        concurrency=2,
        group_concurrency=9,
        prefetch=3,
        delivery="at-most-once",
        lease_seconds=4,
        lease_renewal_seconds=1,
        run_timeout_seconds=6,
        max_crashes=7,
        drain_seconds=5,
        cancel_grace_seconds=9,
        stuck_after_seconds=10,
        on_offline="hint",
        max_hints=8,
        statistics=False,
        actor="deploy-bot",
    )
    for given in (storage, options):
        for field in dataclasses.fields(given):
            assert getattr(given, field.name) != field.default, f"{field.name} is not tried"
    mapping: dict[str, Any] = {camel(f.name): getattr(options, f.name) for f in dataclasses.fields(options)}
    mapping["storage"] = {camel(f.name): getattr(storage, f.name) for f in dataclasses.fields(storage)}
    assert "checkTasksEverySeconds" in mapping
    assert to_options(mapping) == options


def test_the_fields_of_an_instance_may_be_given_in_camel_case() -> None:
    mapping = {
        "sentinels": ["a:1", "b:2"],
        "service": "main",
        "db": "1",
        "sentinelUsername": "me",
        "sentinelPassword": "secret",
        "tls": True,
    }
    assert to_options({"storage": {"instances": [mapping]}}).storage.instances == (
        RedisInstance(
            sentinels=("a:1", "b:2"), service="main", db=1, sentinel_username="me", sentinel_password="secret", tls=True
        ),
    )


def test_the_url_of_a_cluster_is_all_its_partitions() -> None:
    options = to_options({"storage": {"instances": ["redis+cluster://a:1,b:2?partitions=4"], "masterIndex": 3}})
    assert options.storage.instances == RedisInstance.of_cluster(cluster=["a:1", "b:2"], partitions=4)
    assert options.storage.master.shard == 3


def test_sentinels_of_two_services_are_two_instances() -> None:
    urls = ("redis+sentinel://a/one", "redis+sentinel://a/two", "redis+sentinel://a/two/1", "redis://a")
    assert [each.partition_name for each in StorageOptions(instances=urls).instances] == [  # type: ignore[arg-type]
        "one/0",
        "two/0",
        "two/1",
        "a:6379/0",
    ]


CLUSTER = RedisInstance.of_cluster(cluster=["a:1"], partitions=3)


@pytest.mark.parametrize(
    ("instances", "says"),
    [
        ((*CLUSTER, RedisInstance("h")), "mixes a cluster with other instances"),
        ((RedisInstance("h"), *CLUSTER), "mixes a cluster with other instances"),
        (("redis+cluster://a:1?partitions=2", "redis+sentinel://h/main"), "mixes a cluster with other instances"),
        (("redis+cluster://a:1?partitions=2", "redis+cluster://b:1?partitions=2"), "mixes a cluster"),
        ((*CLUSTER, *CLUSTER), "must name each partition of the cluster once: use RedisInstance.of_cluster"),
        ((CLUSTER[0], CLUSTER[2]), "must name each partition of the cluster once"),
        ((CLUSTER[1],), "must name each partition of the cluster once"),
        ((CLUSTER[1], CLUSTER[0]), "must name each partition of the cluster once"),
        (("redis+sentinel://a/main", "redis+sentinel://a/main"), "names the same instance twice: main/0"),
        (("redis+sentinel://a/main", "redis+sentinel://b/main"), "names the same instance twice: main/0"),
        (
            ("redis+sentinel://a,b/main?name=one", "redis+sentinel://b,a/main?name=two"),
            "names the same instance twice: main/0 of a:26379, b:26379",
        ),
    ],
)
def test_instances_that_do_not_go_together(instances: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^storage.instances {says}"):
        StorageOptions(instances=instances)


def test_any_mapping_will_do() -> None:
    options = MappingProxyType({"concurrency": 5, "storage": MappingProxyType({"instances": (RedisInstance("h"),)})})
    assert to_options(options) == SchedulerOptions(
        concurrency=5, storage=StorageOptions(instances=(RedisInstance("h"),))
    )


def test_instances_may_come_from_any_iterable_but_once() -> None:
    options = StorageOptions(instances=(RedisInstance(name) for name in "ab"))  # type: ignore[arg-type]
    assert options.instances == TWO


@pytest.mark.parametrize(
    ("mapping", "field", "hint"),
    [
        ({"concurency": 1}, "concurency", "did you mean concurrency"),
        ({"checkTaskEverySeconds": 1}, "check_task_every_seconds", "did you mean check_tasks_every_seconds"),
        ({"zzz": 1}, "zzz", "known: .*concurrency"),
        ({"storage": {"masterindex": 1}}, "storage.masterindex", "did you mean master_index"),
        ({"storage": {"instances": [{"hots": "h"}]}}, "storage.instances[0].hots", "did you mean host"),
    ],
)
def test_unknown_options_are_refused_with_a_hint(mapping: dict[str, Any], field: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint) as caught:
        to_options(mapping)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} is not an option")


@pytest.mark.parametrize("key", ["redis://me:hunter2@h", b"redis://me:hunter2@h"])
@pytest.mark.parametrize(
    "around", [lambda it: it, lambda it: {"storage": it}, lambda it: {"storage": {"instances": [it]}}]
)
def test_a_url_in_place_of_an_option_is_not_shown(key: Any, around: Callable[[Any], Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"\(not shown\) (is not an option; known: |must be a str)") as caught:
        to_options(around({key: 1}))
    assert "hunter2" not in repr(caught.value)


def test_an_option_in_both_spellings_is_given_twice() -> None:
    with pytest.raises(ConfigurationError, match=r"^drain_seconds is given twice"):
        to_options({"drainSeconds": 1, "drain_seconds": 2})
    with pytest.raises(ConfigurationError, match=r"^storage\.master_index is given twice"):
        to_options({"storage": {"masterIndex": 0, "master_index": 0}})


@pytest.mark.parametrize("value", ["redis://h", 5, ["concurrency"], RedisInstance()])
def test_options_of_a_wrong_type(value: Any) -> None:
    with pytest.raises(ConfigurationTypeError, match=rf"^options must be .*, not {type(value).__name__}$"):
        to_options(value)


def test_an_option_is_named_by_a_str() -> None:
    for key in (5, b"redis://:hunter2@h", ("redis://:hunter2@h",)):
        with pytest.raises(ConfigurationTypeError, match=rf"^\(not shown\) must be a str, not {type(key).__name__}: "):
            to_options({key: 1})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("options", "error", "field"),
    [
        ({"check_tasks_every_seconds": 0}, ConfigurationError, "check_tasks_every_seconds"),
        ({"check_tasks_every_seconds": -1}, ConfigurationError, "check_tasks_every_seconds"),
        ({"check_tasks_every_seconds": float("nan")}, ConfigurationError, "check_tasks_every_seconds"),
        ({"check_tasks_every_seconds": float("inf")}, ConfigurationError, "check_tasks_every_seconds"),
        ({"check_tasks_every_seconds": "10"}, ConfigurationTypeError, "check_tasks_every_seconds"),
        ({"check_tasks_every_seconds": True}, ConfigurationTypeError, "check_tasks_every_seconds"),
        ({"namespace": ""}, ConfigurationError, "namespace"),
        ({"namespace": "a{b"}, ConfigurationError, "namespace"),
        ({"namespace": "a}b"}, ConfigurationError, "namespace"),
        ({"namespace": "a*b"}, ConfigurationError, "namespace"),
        ({"namespace": "a?b"}, ConfigurationError, "namespace"),
        ({"namespace": "a b"}, ConfigurationError, "namespace"),
        ({"namespace": "a\0b"}, ConfigurationError, "namespace"),
        ({"namespace": "ü"}, ConfigurationError, "namespace"),
        ({"namespace": None}, ConfigurationTypeError, "namespace"),
        ({"namespace": b"a"}, ConfigurationTypeError, "namespace"),
        pytest.param({"namespace": "x" * 129}, ConfigurationError, "namespace", id="long namespace"),
        ({"concurrency": 0}, ConfigurationError, "concurrency"),
        ({"concurrency": -1}, ConfigurationError, "concurrency"),
        ({"concurrency": 1.0}, ConfigurationTypeError, "concurrency"),
        ({"concurrency": True}, ConfigurationTypeError, "concurrency"),
        ({"concurrency": "5"}, ConfigurationTypeError, "concurrency"),
        ({"prefetch": -1}, ConfigurationError, "prefetch"),
        ({"prefetch": None}, ConfigurationTypeError, "prefetch"),
        ({"delivery": "exactly-once"}, ConfigurationError, "delivery"),
        ({"delivery": None}, ConfigurationError, "delivery"),
        ({"delivery": []}, ConfigurationError, "delivery"),
        ({"lease_seconds": 0}, ConfigurationError, "lease_seconds"),
        ({"lease_seconds": 0.05}, ConfigurationError, "lease_seconds"),
        ({"lease_seconds": None}, ConfigurationTypeError, "lease_seconds"),
        ({"lease_seconds": 3, "lease_renewal_seconds": 1}, ConfigurationError, "lease_seconds"),
        ({"lease_seconds": 2, "lease_renewal_seconds": 1}, ConfigurationError, "lease_seconds"),
        ({"lease_renewal_seconds": 0}, ConfigurationError, "lease_renewal_seconds"),
        ({"lease_renewal_seconds": "1"}, ConfigurationTypeError, "lease_renewal_seconds"),
        ({"drain_seconds": -1}, ConfigurationError, "drain_seconds"),
        ({"drain_seconds": None}, ConfigurationTypeError, "drain_seconds"),
        ({"on_offline": "keep"}, ConfigurationError, "on_offline"),
        ({"on_offline": True}, ConfigurationError, "on_offline"),
        ({"on_offline": []}, ConfigurationError, "on_offline"),
        ({"max_hints": 0}, ConfigurationError, "max_hints"),
        ({"max_hints": 10_000_001}, ConfigurationError, "max_hints"),
        ({"max_hints": 5.0}, ConfigurationTypeError, "max_hints"),
        ({"max_hints": None}, ConfigurationTypeError, "max_hints"),
        ({"statistics": None}, ConfigurationTypeError, "statistics"),
        ({"statistics": 1}, ConfigurationTypeError, "statistics"),
        ({"actor": ""}, ConfigurationError, "actor"),
        ({"actor": "a\nb"}, ConfigurationError, "actor"),
        ({"actor": 5}, ConfigurationTypeError, "actor"),
        ({"storage": None}, ConfigurationTypeError, "storage"),
        ({"storage": []}, ConfigurationTypeError, "storage"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], error: type[ConfigurationError], field: str) -> None:
    with pytest.raises(error) as caught:
        to_options(options)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} ")
    with pytest.raises(error, match=f"^{re.escape(str(caught.value))}$"):
        SchedulerOptions(**options)


@pytest.mark.parametrize(
    ("storage", "error", "field"),
    [
        ({"instances": []}, ConfigurationError, "storage.instances"),
        ({"instances": None}, ConfigurationTypeError, "storage.instances"),
        ({"instances": "redis://h"}, ConfigurationTypeError, "storage.instances"),
        ({"instances": {"host": "h"}}, ConfigurationTypeError, "storage.instances"),
        ({"instances": [5]}, ConfigurationTypeError, "storage.instances[0]"),
        ({"instances": ["redis://a", None]}, ConfigurationTypeError, "storage.instances[1]"),
        ({"instances": [{"host": "a"}, {"port": 0}]}, ConfigurationError, "storage.instances[1].port"),
        ({"instances": [{"port": "x"}]}, ConfigurationError, "storage.instances[0].port"),
        ({"instances": ["redis://a", "redis://b:0"]}, ConfigurationError, "storage.instances[1].port"),
        ({"instances": ["redis://a/x"]}, ConfigurationError, "storage.instances[0].db"),
        ({"instances": ["http://h"]}, ConfigurationError, "storage.instances[0].url"),
        ({"instances": [{"db": -1}]}, ConfigurationError, "storage.instances[0].db"),
        ({"instances": [{"tls": "yes"}]}, ConfigurationTypeError, "storage.instances[0].tls"),
        ({"instances": ["redis://h", "redis://h:6379/0"]}, ConfigurationError, "storage.instances"),
        ({"instances": [{"name": "a"}, {"host": "h", "name": "a"}]}, ConfigurationError, "storage.instances"),
        ({"instances": [{"name": "a"}, {"name": "b"}]}, ConfigurationError, "storage.instances"),
        ({"instances": [{"name": "h:6379/0"}, {"host": "h"}]}, ConfigurationError, "storage.instances"),
        ({"instances": TWO, "master_index": 2}, ConfigurationError, "storage.master_index"),
        ({"instances": TWO, "master_index": -1}, ConfigurationError, "storage.master_index"),
        ({"instances": TWO, "master_index": 0.0}, ConfigurationTypeError, "storage.master_index"),
        ({"master_index": True}, ConfigurationTypeError, "storage.master_index"),
        ({"reconnect_interval_seconds": 0}, ConfigurationError, "storage.reconnect_interval_seconds"),
        ({"reconnect_interval_seconds": "1"}, ConfigurationTypeError, "storage.reconnect_interval_seconds"),
        ({"task_interval_seconds": -1}, ConfigurationError, "storage.task_interval_seconds"),
        ({"task_interval_seconds": 0.0005}, ConfigurationError, "storage.task_interval_seconds"),
        ({"task_interval_seconds": False}, ConfigurationTypeError, "storage.task_interval_seconds"),
        ({"connect_timeout_seconds": 0}, ConfigurationError, "storage.connect_timeout_seconds"),
        ({"operation_timeout_seconds": 0}, ConfigurationError, "storage.operation_timeout_seconds"),
        ({"operation_timeout_seconds": float("inf")}, ConfigurationError, "storage.operation_timeout_seconds"),
        ({"max_connections": 3}, ConfigurationError, "storage.max_connections"),
        ({"max_connections": None}, ConfigurationTypeError, "storage.max_connections"),
        ({"allow_eviction": 1}, ConfigurationTypeError, "storage.allow_eviction"),
        ({"wait_replicas": -1}, ConfigurationError, "storage.wait_replicas"),
        ({"wait_replicas": 11}, ConfigurationError, "storage.wait_replicas"),
        ({"wait_replicas": True}, ConfigurationTypeError, "storage.wait_replicas"),
        ({"wait_replicas": 1.0}, ConfigurationTypeError, "storage.wait_replicas"),
        ({"wait_replicas": 1, "instances": ["memory://"]}, ConfigurationError, "storage.wait_replicas"),
        (
            {"instances": ["redis+sentinel://a/main?sentinel_password=x&sentinel_usrname=me"]},
            ConfigurationError,
            "storage.instances[0].url option 'sentinel_usrname'",
        ),
        ({"instances": [{"sentinels": ["a"], "service": "s"}]}, ConfigurationError, "storage.instances[0].sentinels"),
        ({"instances": [{"sentinels": ["a:1"]}]}, ConfigurationError, "storage.instances[0].service"),
        ({"instances": [{"sentinelPassword": "x"}]}, ConfigurationError, "storage.instances[0].sentinel_password"),
        ({"instances": ["redis://h", "redis+cluster://a/1"]}, ConfigurationError, "storage.instances[1].db"),
        ({"instances": [{"cluster": ["a:1"], "shard": 1}]}, ConfigurationError, "storage.instances"),
    ],
)
def test_storage_options_that_cannot_be_used(
    storage: dict[str, Any], error: type[ConfigurationError], field: str
) -> None:
    with pytest.raises(error) as caught:
        to_options({"storage": storage})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} ")
    with pytest.raises(error, match=f"^{re.escape(str(caught.value))}$"):
        StorageOptions(**storage)


@pytest.mark.parametrize("value", [1, 100, 100_000])
def test_concurrency_in_range(value: int) -> None:
    check_concurrency(value)


@pytest.mark.parametrize("value", [0, 100_001])
def test_concurrency_out_of_range(value: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"^concurrency must be from 1 to 100000, got {value}$"):
        check_concurrency(value)
