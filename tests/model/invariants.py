"""What holds of a key space after every step, whatever the model says."""

from __future__ import annotations

from collections import Counter

from tests.scripts.store import Space, tags_of


def check_space(space: Space) -> None:
    """Every task is at one place, what is counted is there, and nobody waits for what will not come."""
    groups = space.groups
    assert space.tags == tags_of(space.tasks), "the index of hash tags has each task, and nothing else"
    parked: dict[bytes, bytes] = groups.get("parked-of", {})
    overdue: dict[bytes, bytes] = groups.get("overdue", {})
    of: dict[bytes, bytes] = groups.get("of", {})
    places = [*space.due, *space.leased, *space.paused, *parked, *space.dead]
    assert sorted(places) == sorted(space.tasks), "each task is at one place, and nothing else is"
    assert space.leases.keys() == space.leased.keys()
    assert space.errors.keys() <= space.dead.keys()
    assert space.failing.keys() == space.causes.keys() <= space.tasks.keys() - space.dead.keys()
    for counted in (space.attempts, space.runs, space.failures, space.history):
        assert counted.keys() <= space.tasks.keys(), "what is counted is there"

    kept = {"quota", "revision", "rates", "buckets", "caps"}
    assert groups.keys() <= {"in-use", "of", "runs", "parked", "parked-of", "overdue", "room", "refill", *kept}
    assert of.keys() <= space.leased.keys()
    assert {group: int(count) for group, count in groups.get("runs", {}).items()} == Counter(of.values())
    assert sorted(parked.values()) == groups.get("parked", [])
    assert overdue.keys() <= space.due.keys()
    waits_for = {_group(member) for member in parked.values()}
    lets_go_on = {*of.values(), *map(_group, overdue.values()), *groups.get("room", []), *groups.get("refill", [])}
    assert waits_for <= lets_go_on, "a run that ends, a turn, a token, or a note for the next claim lets the parked on"

    tokens = [int(lease.split()[0]) for lease in space.leases.values()]
    tokens += [int(token) for token in space.locks.values()]
    assert max(tokens, default=0) <= int(space.fence or 0)


def _group(member: bytes) -> bytes:
    return member.partition(b"\0")[0]
