"""The keys of the npm package interval-scheduler: written by itself where it is installed, else as it wrote them once.

`make bench-peers` installs it. `python -m tests.cli.peers.npm` writes `npm_keys.json` anew; then it must be installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.servers import RedisServer

HERE: Final = Path(__file__).parent
RECORDED: Final = HERE / "npm_keys.json"
MODULES: Final = HERE.parents[2] / "benchmarks" / "peers" / "node" / "node_modules"


def write(server: RedisServer, modules: Path = MODULES) -> None:
    """Put the keys into an empty database."""
    node = shutil.which("node")
    if node and (modules / "interval-scheduler").is_dir():
        subprocess.run([node, HERE / "write_npm.js", str(server.port), modules], check=True, timeout=60)
        return
    with server.client() as client:
        for key, (kind, content) in json.loads(RECORDED.read_text("utf-8")).items():
            _put(client, key, kind, content)


def read(client: Any) -> dict[str, tuple[str, Any]]:
    """Read all keys, as they are recorded."""
    found: dict[str, tuple[str, Any]] = {}
    for raw in sorted(client.scan_iter()):
        key, kind = raw.decode(), client.type(raw).decode()
        if kind == "hash":
            found[key] = kind, {name.decode(): value.decode() for name, value in client.hgetall(raw).items()}
        elif kind == "list":
            found[key] = kind, [each.decode() for each in client.lrange(raw, 0, -1)]
        else:
            found[key] = kind, {each.decode(): score for each, score in client.zrange(raw, 0, -1, withscores=True)}
    return found


def _put(client: Any, key: str, kind: str, content: Any) -> None:
    if kind == "hash":
        client.hset(key, mapping=content)
    elif kind == "list":
        client.rpush(key, *content)
    else:
        client.zadd(key, content)


if __name__ == "__main__":
    with RedisServer() as fresh:
        write(fresh, Path(sys.argv[1]) if sys.argv[1:] else MODULES)
        with fresh.client() as plain:
            RECORDED.write_text(json.dumps(read(plain), ensure_ascii=False, indent=1) + "\n", "utf-8")
