"""Placement: the same home for all processes, few moves, fair shares."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from interval_scheduler.model.placement import homes, tag_of

_name = st.from_regex(r"[a-z0-9.]{1,20}:[0-9]{1,5}/[0-9]", fullmatch=True)
_names = st.lists(_name, min_size=1, max_size=5, unique=True)
_ids = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=10)


@settings(max_examples=50)
@given(names=_names, ids=_ids, seed=st.randoms())
def test_the_order_of_the_names_does_not_matter(names: list[str], ids: list[bytes], seed: random.Random) -> None:
    shuffled = names.copy()
    seed.shuffle(shuffled)
    one, other = homes(names), homes(shuffled)
    for raw_id in ids:
        assert names[one(raw_id)] == shuffled[other(raw_id)]


@settings(max_examples=50)
@given(names=_names.filter(lambda names: len(names) > 1), ids=_ids, index=st.integers(min_value=0))
def test_without_one_partition_only_its_own_ids_move(names: list[str], ids: list[bytes], index: int) -> None:
    gone = names[index % len(names)]
    left = [name for name in names if name != gone]
    before, after = homes(names), homes(left)
    for raw_id in ids:
        home = names[before(raw_id)]
        if home != gone:
            assert left[after(raw_id)] == home


@pytest.mark.parametrize("count", range(3, 17))
def test_each_partition_gets_its_share(count: int) -> None:
    # Names and ids as users have them: alike but for one digit.
    names = [f"redis-{number}.internal:6379/0" for number in range(count)]
    home = homes(names)
    total = 50_000 if count in (3, 16) else 5_000
    found = Counter(home(b"user:%d" % number) for number in range(total))
    share = total / count
    # Five standard deviations of fair dice: an honest hash fails this once in 100,000 or so, and these are fixed.
    allowed = 5 * (share * (1 - 1 / count)) ** 0.5
    assert set(found) == set(range(count))
    assert max(abs(size - share) for size in found.values()) < allowed
    if total == 50_000:
        assert max(abs(size - share) for size in found.values()) < 0.05 * share


def test_the_databases_of_one_server_get_their_share_too() -> None:
    home = homes([f"localhost:6379/{db}" for db in range(4)])
    found = Counter(home(b"%d" % number) for number in range(20_000))
    assert min(found.values()) > 0.95 * 5_000


def test_one_partition_has_all() -> None:
    home = homes(["only"])
    assert {home(b"%d" % number) for number in range(100)} == {0}


def test_a_home_never_changes_between_versions() -> None:
    # Tasks are found by this function: another result after an upgrade would strand every task that is scheduled.
    home = homes(["a:1/0", "b:2/0", "c:3/0", "d:4/0", "e:5/0"])
    assert "".join(str(home(b"user:%d" % number)) for number in range(40)) == "1331111203014042101200310434240312313404"


@pytest.mark.parametrize(
    ("raw_id", "tag"),
    [
        (b"{tenant-7}:feed:1", b"tenant-7"),
        (b"{tenant-7}", b"tenant-7"),
        (b"mail:{tenant-7}:9", b"tenant-7"),
        (b"{a}{b}", b"a"),
        (b"{{a}}", b"{a"),  # as in Redis Cluster: from the first brace to the next one that closes
        (b"}{a}", b"a"),
        (b"a}b{c}d}", b"c"),
        ("{grüße}:1".encode(), "grüße".encode()),
        (b"{\xff}\xfe", b"\xff"),
        (b"{ }", b" "),
        (b"tenant-7", None),
        (b"{}tenant-7", None),
        (b"{}{a}", None),  # the first pair counts, and it is empty
        (b"{tenant-7", None),
        (b"tenant-7}", None),
        (b"}tenant-7{", None),
        (b"", None),
    ],
)
def test_the_hash_tag_of_an_id(raw_id: bytes, tag: bytes | None) -> None:
    assert tag_of(raw_id) == tag


_braced = st.text(alphabet="{}ab", max_size=8).map(str.encode)


@given(raw_id=_braced)
def test_the_hash_tag_is_that_of_redis_cluster(raw_id: bytes) -> None:
    """The rule in the words of the specification of Redis Cluster, and the code of redis-py for it."""
    first = raw_id.find(b"{")
    end = raw_id.find(b"}", first + 1)
    wanted = raw_id[first + 1 : end] if first > -1 and end > first + 1 else None
    assert tag_of(raw_id) == wanted
    assert key_slot(raw_id) == key_slot(raw_id if wanted is None else b"{%s}" % wanted)


@given(names=_names, prefix=_braced, rest=_braced)
def test_all_ids_of_a_tag_have_one_home(names: list[str], prefix: bytes, rest: bytes) -> None:
    home, tag = homes(names), tag_of(prefix)
    if tag is not None:
        assert tag_of(prefix + rest) == tag
        assert home(prefix + rest) == home(prefix) == home(tag)
    elif tag_of(rest) is None and b"{" not in prefix + rest:
        assert tag_of(prefix + rest) is None


def test_the_homes_of_tags_get_their_share() -> None:
    home = homes([f"localhost:6379/{db}" for db in range(4)])
    found = Counter(home(b"{tenant-%d}:feed:1" % number) for number in range(20_000))
    assert min(found.values()) > 0.95 * 5_000


def test_the_home_of_a_tag_never_changes_between_versions() -> None:
    home = homes(["a:1/0", "b:2/0", "c:3/0", "d:4/0", "e:5/0"])
    assert "".join(str(home(b"x{user:%d}y" % number)) for number in range(40)) == (
        "1331111203014042101200310434240312313404"
    )
