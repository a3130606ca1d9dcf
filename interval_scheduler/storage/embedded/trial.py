"""The trial of the short way of scripts: it must answer as fakeredis's own does."""

from __future__ import annotations

import functools
import hashlib
import logging
from importlib.resources import files
from typing import Any, Final

from fakeredis import FakeAsyncRedis
from fakeredis._socket import AsyncFakeSocket

from .sockets import ScriptSocket, Store

_SCRIPT: Final = (files(__package__) / "trial.lua").read_bytes()
_SHA: Final = hashlib.sha1(_SCRIPT).hexdigest().encode()  # noqa: S324 - Redis's choice
_KEYS: Final = (b"text", b"hash", b"zset")
#: What the script does, in this order: the first fills the keys.
_WAYS: Final = (b"reply", b"reply", b"type", b"unknown", b"error", b"global")

log = logging.getLogger("interval_scheduler")


@functools.cache
def passes() -> bool:
    """Tell if scripts can be run on the short way; that is found out once in each process. An event loop must run."""
    try:
        is_fit = [_shown(reply) for reply in _short()] == [_shown(reply) for reply in _long()]
    except Exception:  # whatever another version of fakeredis makes of its own parts
        log.info("scripts on memory:// take the longer way: fakeredis is not as expected", exc_info=True)
        return False
    if not is_fit:
        log.info("scripts on memory:// take the longer way: the shorter one answers otherwise")
    return is_fit


def _shown(reply: Any) -> Any:
    """Return a reply that can be compared; of an error its class only, since the words differ."""
    if isinstance(reply, list):
        return [_shown(item) for item in reply]
    return type(reply) if isinstance(reply, Exception) else reply


def _short() -> list[Any]:
    store = Store()
    store.script_cache[_SHA] = _SCRIPT
    socket = ScriptSocket(store, 0, client_class=FakeAsyncRedis, client_info={"resp": 2})
    return [socket.run(_SHA, _KEYS, (way, b"\0")) for way in _WAYS]


def _long() -> list[Any]:
    socket = AsyncFakeSocket(Store(), 0, client_class=FakeAsyncRedis, client_info={"resp": 2})
    replies = []
    for way in _WAYS:
        fields = (b"EVAL", _SCRIPT, b"3", *_KEYS, way, b"\0")
        socket.sendall(b"*%d\r\n" % len(fields) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in fields))
        replies.append(socket.responses.get_nowait())
    return replies
