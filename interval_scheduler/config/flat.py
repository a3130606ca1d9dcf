"""All options under one roof, as `from_url` takes them: a type, so that type checkers and editors know each name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from .instance import RedisInstance
from .options import Delivery, OnOffline


class FlatOptions(TypedDict, total=False):
    """The options of `Scheduler.from_url`: every field of `SchedulerOptions` and of `StorageOptions`, by its name.

    Only `storage` and `instances` are missing, which the URLs stand for. Name this type where a function of yours hands
    options on: `def connect(**options: Unpack[FlatOptions])`.
    """

    check_tasks_every_seconds: float
    namespace: str
    concurrency: int
    group_concurrency: int | Mapping[str, int] | None
    prefetch: int
    delivery: Delivery
    lease_seconds: float
    lease_renewal_seconds: float | None
    run_timeout_seconds: float | None
    max_crashes: int
    drain_seconds: float
    cancel_grace_seconds: float
    stuck_after_seconds: float
    on_offline: OnOffline
    max_hints: int
    statistics: bool
    actor: str | None
    master_index: int
    reconnect_interval_seconds: float
    task_interval_seconds: float
    connect_timeout_seconds: float
    operation_timeout_seconds: float
    max_connections: int
    allow_eviction: bool
    wait_replicas: int
    list_epoch: int | None
    leaving: Sequence[RedisInstance]
