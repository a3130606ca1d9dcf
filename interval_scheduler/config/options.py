"""The options, all of them checked before any I/O. Each error names the option at fault.

`SchedulerOptions` may be given as an object, or as a mapping of the same shape with names in snake_case or in
the camelCase of the npm package `interval-scheduler`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import ConfigurationError, ConfigurationTypeError
from ..model.checks import check_seconds_option, check_whole_option
from ..model.quotas import check_caps_option
from ..model.steering import check_actor_option
from ..model.trust import RENEWAL_SHARE
from .instance import RedisInstance
from .mappings import from_mapping, instances_of, refuse_unknown
from .namespaces import check_namespace

Delivery = Literal["at-least-once", "at-most-once"]
OnOffline = Literal["raise", "hint"]


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """The options of the storage: the servers, and the time-outs for them.

    Args:
        instances: one `RedisInstance` for each partition. A mapping of options may have URLs and mappings here too; the
            URL of a cluster stands for all of its partitions. Default: one, localhost:6379/0.
        master_index: the index of the instance that keeps the locks. Default 0.
        reconnect_interval_seconds: the first delay before reconnecting; it doubles, with jitter, up to 5 s. Default 1.
        task_interval_seconds: round execution times down to this grid. Default 0: exact, to the millisecond.
        connect_timeout_seconds: the longest time of one attempt to connect. Default 5.
        operation_timeout_seconds: the time after which a partition whose Redis does not answer counts as offline. A
            call that is under way then is tried again for the same time before it raises. Default 5.
        max_connections: the most connections to one partition; further calls wait in line. Default 16.
        allow_eviction: accept a server whose eviction policy can drop keys while `maxmemory` is set. Default False.
        wait_replicas: the number of replicas, 0 to 10, that must have an assigned task or an acquired lock before the
            call returns. If they do not have it within `operation_timeout_seconds`, less a fifth or 0.2 s, the call
            raises `NotReplicated`. Default 0: the call waits for no replica.
        list_epoch: the number of this list of instances. If it is greater by one than the number of the list in use,
            this list replaces that one, and tasks move to their new homes. The number in use is 1 unless the list was
            changed before. Default None: the list in use must be this one.
        leaving: the instances that were removed from the list, for as long as their tasks move. Default none.
    """

    instances: Sequence[RedisInstance] = (RedisInstance(),)
    master_index: int = 0
    reconnect_interval_seconds: float = 1
    task_interval_seconds: float = 0
    connect_timeout_seconds: float = 5
    operation_timeout_seconds: float = 5
    max_connections: int = 16
    allow_eviction: bool = False
    wait_replicas: int = 0
    list_epoch: int | None = None
    leaving: Sequence[RedisInstance] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "instances", instances_of(self.instances))
        if not self.instances:
            raise ConfigurationError("storage.instances", "must name at least one Redis instance")
        _check_cluster(self.instances)
        object.__setattr__(self, "leaving", instances_of(self.leaving, "storage.leaving"))
        if self.list_epoch is not None:
            check_whole_option("storage.list_epoch", self.list_epoch, at_least=1, at_most=1_000_000_000)
        if any(instance.cluster for instance in self.leaving) or (
            self.instances[0].cluster and (self.leaving or self.list_epoch is not None)
        ):
            raise ConfigurationError(
                "storage.leaving" if self.leaving else "storage.list_epoch",
                "cannot be given with a cluster: the number of its partitions is fixed",
            )
        seen: set[str] = set()
        for index, instance in enumerate((*self.instances, *self.leaving)):
            for identity in {instance.partition_name, instance.location}:
                if identity in seen:
                    field_name = "instances" if index < len(self.instances) else "leaving"
                    hint = "" if instance.folder is None else "; give folders that are two names of their own (?name=)"
                    raise ConfigurationError(
                        f"storage.{field_name}", f"names the same instance twice: {identity}{hint}"
                    )
            seen |= {instance.partition_name, instance.location}
        check_whole_option("storage.master_index", self.master_index, at_least=0, at_most=len(self.instances) - 1)
        check_seconds_option("storage.reconnect_interval_seconds", self.reconnect_interval_seconds, above=0)
        check_seconds_option("storage.task_interval_seconds", self.task_interval_seconds)
        if 0 < self.task_interval_seconds < 0.001:
            raise ConfigurationError("storage.task_interval_seconds", "must be 0 or at least 0.001 seconds")
        check_seconds_option("storage.connect_timeout_seconds", self.connect_timeout_seconds, above=0)
        check_seconds_option("storage.operation_timeout_seconds", self.operation_timeout_seconds, above=0)
        check_whole_option("storage.max_connections", self.max_connections, at_least=4, at_most=10_000)
        if not isinstance(self.allow_eviction, bool):
            raise ConfigurationTypeError("storage.allow_eviction", "must be True or False")
        check_whole_option("storage.wait_replicas", self.wait_replicas, at_least=0, at_most=10)
        if self.wait_replicas and any(each.memory is not None or each.folder is not None for each in self.instances):
            raise ConfigurationError(
                "storage.wait_replicas", "must be 0 with memory:// and local://: no replicas there"
            )

    @property
    def master(self) -> RedisInstance:
        """The instance that keeps the locks."""
        return self.instances[self.master_index]


@dataclass(frozen=True, slots=True)
class SchedulerOptions:
    """The options of a scheduler.

    Args:
        storage: a `StorageOptions` or a mapping of the same shape.
        check_tasks_every_seconds: the longest time that a scheduler sleeps without a look for due tasks; normally it
            wakes exactly on time. Default 10.
        namespace: the prefix of every key. Schedulers with the same namespace and instances work together.
            Default `"interval-scheduler"`.
        concurrency: the most runs at once in this process. Default 100.
        group_concurrency: the most runs at once of the tasks of one `group`, across all schedulers; or a mapping from
            up to 100 groups, or `"*"` for all others, to such numbers. It holds while `set_group_concurrency` has put
            nothing else in Redis. Default None: any number.
        prefetch: the most tasks that are claimed beyond the running ones; a scheduler claims as many of them as may
            start soon, going by the quick runs of the last second, and fewer at most once. Default 1000.
        delivery: `"at-least-once"` (the default): a crash makes a claimed task due again; `"at-most-once"`:
            a claim reschedules at once, a crash loses the claimed runs.
        lease_seconds: the time for which a claim is exclusive unless renewed; after this time the tasks of a crashed
            worker are due again. Default 30.
        lease_renewal_seconds: the time between two renewals of a held lease. Default: three tenths of the lease.
        run_timeout_seconds: the longest time of a run whose task has no `timeout` of its own; a longer run is cancelled
            and counts as failed. Default None: any time.
        max_crashes: the number of deliveries of one occurrence that may end without a result, for example because
            the process died. After these, the occurrence is not run any more: a one-shot is set aside as dead, and a
            recurring task goes on with its next occurrence. Default 10.
        drain_seconds: the time that closing waits for runs in progress before it cancels them. Default 30.
        cancel_grace_seconds: the time that a cancelled run may take to end, for example in its `finally` blocks. If it
            takes longer, it is named in the log and left to its lease; closing does not wait for it. Default 5.
        stuck_after_seconds: the time without the end of a run, while none can be started, that is told. Default 60.
        on_offline: the effect of an assignment or a removal at a partition that is offline. `"raise"` (the default):
            the call raises `PartitionOffline`. `"hint"`: the master keeps the change, which is applied once the
            partition is back; while the master itself is offline, the call raises. Give all schedulers of a namespace
            the same value.
        max_hints: the most hints that may wait for one partition; then calls raise `HintsFull`. Default 100000.
        statistics: count runs, and show this scheduler to others; see `Scheduler.statistics`. Default True.
        actor: whom pauses and the log of actions name where `acting_as` says nobody: 1 to 100 printable characters.
            Default None: the name of the host, a colon, and the number of the process.
    """

    storage: StorageOptions = field(default_factory=StorageOptions)
    check_tasks_every_seconds: float = 10
    namespace: str = "interval-scheduler"
    concurrency: int = 100
    group_concurrency: int | Mapping[str, int] | None = None
    prefetch: int = 1000
    delivery: Delivery = "at-least-once"
    lease_seconds: float = 30
    lease_renewal_seconds: float | None = None
    run_timeout_seconds: float | None = None
    max_crashes: int = 10
    drain_seconds: float = 30
    cancel_grace_seconds: float = 5
    stuck_after_seconds: float = 60
    on_offline: OnOffline = "raise"
    max_hints: int = 100_000
    statistics: bool = True
    actor: str | None = None

    def __post_init__(self) -> None:
        storage: object = self.storage
        if isinstance(storage, Mapping):
            object.__setattr__(self, "storage", from_mapping(StorageOptions, storage, "storage."))
        elif not isinstance(storage, StorageOptions):
            raise ConfigurationTypeError(
                "storage", f"must be StorageOptions or a mapping, not {type(storage).__name__}"
            )
        check_seconds_option("check_tasks_every_seconds", self.check_tasks_every_seconds, above=0)
        check_namespace(self.namespace)
        check_concurrency(self.concurrency)
        if self.group_concurrency is not None:
            check_caps_option("group_concurrency", self.group_concurrency)
        check_whole_option("prefetch", self.prefetch, at_least=0, at_most=1_000_000)
        if self.delivery not in ("at-least-once", "at-most-once"):
            raise ConfigurationError("delivery", "must be 'at-least-once' or 'at-most-once'")
        check_seconds_option("lease_seconds", self.lease_seconds, at_least=0.1)
        if self.lease_renewal_seconds is not None:
            check_seconds_option("lease_renewal_seconds", self.lease_renewal_seconds, above=0)
            if self.lease_seconds <= 3 * self.lease_renewal_seconds:
                raise ConfigurationError(
                    "lease_seconds",
                    f"must be longer than three renewals: {self.lease_seconds:g} <= "
                    f"3 * lease_renewal_seconds={self.lease_renewal_seconds:g}",
                )
        if self.run_timeout_seconds is not None:
            check_seconds_option("run_timeout_seconds", self.run_timeout_seconds, above=0)
        check_whole_option("max_crashes", self.max_crashes, at_least=1, at_most=1_000_000)
        check_seconds_option("drain_seconds", self.drain_seconds)
        check_seconds_option("cancel_grace_seconds", self.cancel_grace_seconds)
        check_seconds_option("stuck_after_seconds", self.stuck_after_seconds, above=0)
        if self.on_offline not in ("raise", "hint"):
            raise ConfigurationError("on_offline", "must be 'raise' or 'hint'")
        check_whole_option("max_hints", self.max_hints, at_least=1, at_most=10_000_000)
        if not isinstance(self.statistics, bool):
            raise ConfigurationTypeError("statistics", "must be True or False")
        check_actor_option(self.actor)

    @property
    def renewal_seconds(self) -> float:
        """The seconds between two renewals of a lease; the default follows from the lease."""
        return RENEWAL_SHARE * self.lease_seconds if self.lease_renewal_seconds is None else self.lease_renewal_seconds


def check_concurrency(value: object) -> None:
    """Check that the most runs at once are from 1 to 100,000."""
    check_whole_option("concurrency", value, at_least=1, at_most=100_000)


def to_options(value: SchedulerOptions | Mapping[str, Any] | None) -> SchedulerOptions:
    """Return given `SchedulerOptions`, those of a mapping (snake_case or camelCase), or the defaults.

    Raises:
        ConfigurationError: an unknown or bad option; the message names it.
    """
    if value is None:
        return SchedulerOptions()
    if isinstance(value, SchedulerOptions):
        return value
    if isinstance(value, Mapping):
        return from_mapping(SchedulerOptions, value, "")
    raise ConfigurationTypeError("options", f"must be SchedulerOptions, a mapping or None, not {type(value).__name__}")


def options_from_urls(urls: tuple[str, ...], flat: Mapping[str, Any]) -> SchedulerOptions:
    """Make options from the URLs of partitions, and from fields of `SchedulerOptions` or `StorageOptions` by name.

    Raises:
        ConfigurationError: an unknown or bad option, or a bad URL; the message names it.
    """
    try:
        return _from_urls(urls, flat)
    except ConfigurationError as error:
        raise error.within("") from None  # anew: the way through the checks tells no more than its words


def _from_urls(urls: tuple[str, ...], flat: Mapping[str, Any]) -> SchedulerOptions:
    if not urls:
        raise ConfigurationError("urls", "must name at least one Redis instance")
    for name in ("storage", "instances"):
        if name in flat:
            raise ConfigurationError(name, "cannot be combined with URLs")
    storage_fields = {f.name for f in dataclasses.fields(StorageOptions)}
    storage = {name: value for name, value in flat.items() if name in storage_fields}
    rest = {name: value for name, value in flat.items() if name not in storage_fields}
    refuse_unknown(SchedulerOptions, rest, "", also=storage_fields)
    instances = tuple(instance for url in urls for instance in RedisInstance.all_from_url(url))
    return SchedulerOptions(storage=StorageOptions(instances=instances, **storage), **rest)


def _check_cluster(instances: Sequence[RedisInstance]) -> None:
    if not any(instance.cluster for instance in instances):
        return
    if any(instance.cluster != instances[0].cluster for instance in instances):
        raise ConfigurationError(
            "storage.instances", "mixes a cluster with other instances: a namespace lives on one cluster, or on others"
        )
    if [instance.shard for instance in instances] != list(range(len(instances))):
        raise ConfigurationError(
            "storage.instances", "must name each partition of the cluster once: use RedisInstance.of_cluster"
        )
