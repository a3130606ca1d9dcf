"""The rights in Redis that docs/guarantees.md publishes, as tests give them to the user of a server.

Suites whose `conftest.py` makes `redis_server` and `own_server` of `restricted_server` and `restricted_servers` run as
that user, and fail in the end if one of its commands, keys or channels was refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.servers import PASSWORD, USER, RedisServer

_PAGE: Final = Path(__file__).parents[1] / "docs" / "guarantees.md"
#: What the fixture `namespace` gives begins so.
NAMESPACES: Final = "test-*"
# By this redis-py tells its name; it can do without.
_DISPENSABLE: Final = frozenset({"client", "client|setinfo"})


def published_rules(namespace: str = "app") -> list[str]:
    """The rules of the page, without `ACL SETUSER` and the name, for a namespace or for all that fit a pattern."""
    found = re.search(r"ACL SETUSER scheduler ([^`]+)```", _PAGE.read_text())
    assert found is not None
    rules = found[1].split()
    assert f">{PASSWORD}" in rules
    return [rule.replace("{app", f"{{{namespace}", 1) if rule[0] in "~&" else rule for rule in rules]


def restrict(server: RedisServer, rules: list[str]) -> str:
    """Give the user other rights while the server runs; the URL to connect as that user."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", USER, "reset", *rules)
    return f"redis://{USER}:{PASSWORD}@127.0.0.1:{server.port}/0"


def refused(server: RedisServer) -> set[str]:
    """The commands, keys and channels that were refused to the user."""
    with server.client() as client:
        mine = [entry for entry in client.acl_log() if entry["username"] == USER and entry["reason"] != "auth"]
    return {str(entry["object"]) for entry in mine} - _DISPENSABLE
