"""Key names: one hash tag a partition, and no two partitions ever share a key."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from interval_scheduler import ConfigurationError, RedisInstance, SchedulerOptions
from interval_scheduler.storage.scripts.keys import Keys

_FIELDS = ("attempts", "dead", "due", "membership", "fence", "leased", "leases", "tasks", "wake")
# Few characters, so that Hypothesis finds the collisions that separators allow.
_tricky = st.text(alphabet="a:/b", min_size=1, max_size=6)


def allowed(namespace: str, partition: str) -> bool:
    """Whether the options let both through; the key scheme relies on what they refuse."""
    try:
        RedisInstance(name=partition)
        SchedulerOptions(namespace=namespace)
    except ConfigurationError:  # the answer: such names are refused
        return False
    return True


def all_keys(keys: Keys, word: bytes) -> dict[str, bytes]:
    found = {field: getattr(keys, field) for field in _FIELDS}
    return found | {"reply": keys.reply(word), "lock": keys.lock(word)}


@given(one=st.tuples(_tricky, _tricky), other=st.tuples(_tricky, _tricky), words=st.tuples(_tricky, _tricky))
@example(one=("a", "b"), other=("a:b", "b"), words=("x", "x"))
@example(one=("a:", "b"), other=("a", ":b"), words=("x", "x"))
@example(one=("a:", "b"), other=("a", "::b"), words=("x", "x"))
@example(one=("a", "b:c"), other=("a:b", "c"), words=("x", "x"))
@example(one=("a::", "b"), other=("a:", "b"), words=("x", "x"))
def test_no_two_partitions_share_a_key(one: tuple[str, str], other: tuple[str, str], words: tuple[str, str]) -> None:
    if not allowed(*one) or not allowed(*other) or one == other:
        return
    mine, theirs = all_keys(Keys(*one), words[0].encode()), all_keys(Keys(*other), words[1].encode())
    if one[0] == other[0]:
        # The membership belongs to the namespace: one in each database, whatever the partition is called.
        assert mine.pop("membership") == theirs.pop("membership")
    assert not set(mine.values()) & set(theirs.values())


@given(pair=st.tuples(_tricky, _tricky), word=st.binary(max_size=20), other=st.binary(max_size=20))
def test_no_two_uses_share_a_key_of_one_partition(pair: tuple[str, str], word: bytes, other: bytes) -> None:
    # Lock names come from the application, and may be anything.
    keys = Keys(*pair)
    found = all_keys(keys, word)
    assert len(set(found.values())) == len(found)
    if word != other:
        assert keys.lock(word) != keys.lock(other)
    assert keys.lock(word) not in {getattr(keys, field) for field in _FIELDS}


@given(namespace=_tricky, partition=_tricky, word=st.binary(max_size=20))
def test_all_keys_of_a_partition_live_on_one_cluster_node(namespace: str, partition: str, word: bytes) -> None:
    found = all_keys(Keys(namespace, partition), word)
    membership = found.pop("membership")
    # Redis Cluster hashes what stands between the first { and the first } after it.
    tags = {re.findall(rb"\{([^}]+)\}", key)[0] for key in found.values()}
    assert len(tags) == 1
    assert tags != {b""}
    assert membership.startswith(b"{")


def test_the_keys_can_be_read_by_people() -> None:
    keys = Keys("interval-scheduler", "localhost:6379/0")
    assert keys.due == b"{interval-scheduler:localhost:6379/0}:due"
    assert keys.lock(b"user:1") == b"{interval-scheduler:localhost:6379/0}:lock:user:1"
    assert keys.membership == b"{interval-scheduler}:partitions"
