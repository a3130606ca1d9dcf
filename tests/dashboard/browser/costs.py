"""What a dashboard asks of Redis: the commands by their names, and the longest of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import redis

#: What walks a whole database or a whole key, and must never come. HSCAN is for a search, in bounded steps.
FORBIDDEN: Final = frozenset({"keys", "scan", "sscan", "hkeys", "hvals", "smembers"})
#: What is asked of the server by these tests.
_OWN: Final = frozenset({"info", "slowlog|get", "slowlog|reset", "config|set", "client|setinfo", "hello"})


@dataclass(frozen=True)
class Costs:
    """What a server did in some time.

    Attributes:
        commands: how often each command came, those of scripts included.
        requests: how many commands came from outside; a script with all that it does is one.
        slowest_ms: the longest command; 0 if none took a millisecond.
    """

    commands: Counter[str]
    requests: int
    slowest_ms: float


class Meter:
    """Measures what a server does from now on."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        client.config_set("slowlog-log-slower-than", 1000)
        client.config_set("slowlog-max-len", 10_000)
        client.slowlog_reset()
        self._before = self._counts()

    def read(self) -> Costs:
        """Tell what came since it was made."""
        commands = self._counts() - self._before
        for name in _OWN:
            commands.pop(name, None)
        requests = sum(count for name, count in commands.items() if name.startswith(("evalsha", "eval", "fcall")))
        slow: list[dict[str, Any]] = self._client.slowlog_get(10_000)
        slowest = max((each["duration"] for each in slow), default=0)
        return Costs(commands, requests, slowest / 1000)

    def _counts(self) -> Counter[str]:
        stats: dict[str, dict[str, int]] = self._client.info("commandstats")
        return Counter({name.removeprefix("cmdstat_").lower(): stat["calls"] for name, stat in stats.items()})
