"""Executes the ```python blocks of one page, as a reader would paste them: in order, in one namespace.

`python tests/stories/page.py PAGE REDIS_URL`: blocks titled "needs Redis" get that URL in place of the usual one.
Blocks with a top-level await share one event loop, those without run outside of it (they may call `asyncio.run`).
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

USUAL_URL = "redis://localhost:6379/0"
_BLOCK = re.compile(
    r"^(?P<indent> *)```python(?P<info> [^\n]*)?\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """One block, and where its code starts."""

    code: str
    line: int
    needs_redis: bool

    def on(self, url: str) -> Block:
        """The same, on another Redis."""
        return self._replace(code=self.code.replace(USUAL_URL, url))


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(textwrap.dedent(found["code"]), line, 'title="needs Redis"' in (found["info"] or ""))


def compiled(page: str, block: Block) -> CodeType:
    """A block whose tracebacks point into the page."""
    source = "\n" * (block.line - 1) + block.code
    # dont_inherit: the page has not written this file's `from __future__`.
    code: CodeType = compile(source, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def execute(path: Path, redis_url: str) -> int:
    """Execute a page; returns how many blocks it has."""
    namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    count = 0
    with asyncio.Runner() as runner:
        for block in blocks(path.read_text()):
            count += 1
            code = compiled(str(path), block.on(redis_url) if block.needs_redis else block)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(FunctionType(code, namespace)())
            else:
                exec(code, namespace)
    return count


if __name__ == "__main__":
    page, url = sys.argv[1:]
    sys.stdout.write(f"{execute(Path(page), url)} blocks were executed\n")
