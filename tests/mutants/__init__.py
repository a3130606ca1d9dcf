"""Bugs that are planted one at a time: each must turn a test red, or the tests do not hold what they promise."""

from typing import Final

from . import (
    in_blocked,
    in_bytes,
    in_calls,
    in_connections,
    in_data_loss,
    in_doubt,
    in_ends,
    in_execution,
    in_failover,
    in_garbage,
    in_groups,
    in_guests,
    in_hoarding,
    in_loops,
    in_misbehaviour,
    in_moves,
    in_order,
    in_overlap,
    in_rules,
    in_running,
    in_tasks,
    in_time_travel,
    in_tls,
    in_turns,
)
from .planted import Planted

#: All of them.
ALL: Final[tuple[Planted, ...]] = (
    *in_running.ALL,
    *in_bytes.ALL,
    *in_tasks.ALL,
    *in_execution.ALL,
    *in_blocked.ALL,
    *in_guests.ALL,
    *in_ends.ALL,
    *in_misbehaviour.ALL,
    *in_garbage.ALL,
    *in_groups.ALL,
    *in_calls.ALL,
    *in_connections.ALL,
    *in_data_loss.ALL,
    *in_failover.ALL,
    *in_moves.ALL,
    *in_order.ALL,
    *in_overlap.ALL,
    *in_doubt.ALL,
    *in_time_travel.ALL,
    *in_loops.ALL,
    *in_turns.ALL,
    *in_tls.ALL,
    *in_rules.ALL,
    *in_hoarding.ALL,
)
