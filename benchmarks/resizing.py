"""Whether the server resizes the hash table of a key, and how to be done with that before something is measured.

A table that is full gets twice the size, and its entries move over with what is done with the key, one step at a time.
Until then each look-up may be two. No timer of the server goes on with it, so waiting does not help; looking up does.
"""

from __future__ import annotations

import subprocess
from typing import Any, Final

import redis

from tests.servers import default_binary

#: Each look-up in a table that is being resized moves a part of it: one of an id that nobody has is enough.
_LOOK_UP: Final = """
local nobody = {}
for n = 1, 500 do nobody[n] = 'nobody:' .. n end
local command = redis.call('TYPE', KEYS[1]).ok == 'hash' and 'HMGET' or 'ZMSCORE'
for _ = 1, ARGV[1] do redis.call(command, KEYS[1], unpack(nobody)) end
"""
_A_CALL: Final = 500
_CALLS: Final = 100


def settings(binary: str | None = None) -> dict[str, Any]:
    """Return what a server has to be started with so that `is_resizing` can ask it. Default: the one of all tests."""
    told = subprocess.run([binary or default_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    version = int(told.split("v=")[1].split(".")[0])
    return {"enable_debug_command": "local"} if version >= 7 else {}


def is_resizing(client: redis.Redis, key: str) -> bool:
    """Return whether the hash table of a key is being resized. A small key has none."""
    try:
        told: Any = client.execute_command("DEBUG", "HTSTATS-KEY", key)  # type: ignore[no-untyped-call]
    except redis.ResponseError as error:
        if "not represented using" in str(error) or "no such key" in str(error):
            return False
        raise
    return b"rehashing target" in told


def settle(client: redis.Redis, *keys: str) -> None:
    """Have the server be done with what is being resized: hashes and sorted sets."""
    for key in keys:
        if not is_resizing(client, key):
            continue
        size = max(client.hlen(key) if client.type(key) == b"hash" else client.zcard(key), _A_CALL)
        for _ in range(2 * size // (_A_CALL * _CALLS) + 1):
            client.eval(_LOOK_UP, 1, key, str(_CALLS))
