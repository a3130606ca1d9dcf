"""The command that acquires, extends and releases locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import NotReplicated
from ..requests.session import Session
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument


class LockStep(NamedTuple):
    """One step on a lock: `b"a"` acquire, `b"e"` extend, `b"r"` release."""

    name: bytes
    action: bytes
    token: bytes
    ttl_ms: int


class LockAnswer(NamedTuple):
    """The result of a step on a lock: the token acquired, 1 if extended or released, else 0.

    With a `problem`, the result holds on the primary, but too few replicas have it.
    """

    result: int
    problem: NotReplicated | None = None


async def lock(session: Session, keys: Keys, steps: Sequence[LockStep], replicas: int = 0) -> list[int]:
    """Carry out steps on locks. Return for each the token acquired, 1 if extended or released, else 0."""
    lock_keys = [keys.lock(step.name) for step in steps]
    args: list[Argument] = []
    for step in steps:
        args += (step.action, step.token, step.ttl_ms)
    reply: bytes = await session.request(scripts.LOCK, (*keys.of[scripts.LOCK], *lock_keys), args, replicas=replicas)
    return [int(result) for result in reply.split(b" ")]
