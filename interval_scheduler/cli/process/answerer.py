"""A small server of HTTP/1.1 for probes: it answers `GET` and `HEAD`, one request a connection, and nothing else.

All that comes in is bounded: the head of a request in length and in time, connections in number. What goes wrong with
one of them ends that one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, NamedTuple

_LONGEST_HEAD_BYTES: Final = 8192
_PATIENCE_SECONDS: Final = 5.0
_MOST_CONNECTIONS: Final = 32
_log = logging.getLogger("interval_scheduler.run")


class Answer(NamedTuple):
    """The answer to a request."""

    status: HTTPStatus
    body: str
    kind: str = "text/plain; charset=utf-8"


_BAD_REQUEST: Final = Answer(HTTPStatus.BAD_REQUEST, "bad request\n")
_TOO_LONG: Final = Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too long\n")
_NOT_ALLOWED: Final = Answer(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD\n")
_BROKEN: Final = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "broken: see the log\n")


class Answerer:
    """Answers requests by their paths.

    Args:
        answer: called with the path, without what follows a question mark.
    """

    def __init__(self, answer: Callable[[str], Awaitable[Answer]]) -> None:
        self._answer = answer
        self._open: set[asyncio.Task[None]] = set()
        #: Those of them whose request has not come, the oldest first.
        self._silent: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve on a socket for the length of a block."""
        server = await asyncio.start_server(self._connected, sock=listener, limit=_LONGEST_HEAD_BYTES)
        try:
            yield
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            if self._open:
                await asyncio.wait(self._open)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _MOST_CONNECTIONS:
            if not self._silent:
                writer.transport.abort()
                return
            # Whoever only holds connections open must not keep a probe out.
            oldest = next(iter(self._silent))
            # Also here: a task that has not begun ends without closing anything.
            self._silent.pop(oldest).transport.abort()
            oldest.cancel()
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        self._silent[task] = writer
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._silent.pop(task, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                head = await _head_of(reader)
            self._silent.pop(asyncio.current_task(), None)  # type: ignore[arg-type]  # this runs as a task
            is_head, answer = await self._answer_to(head)
            writer.write(_bytes_of(answer, is_head=is_head))
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, TimeoutError):
            pass  # the client is gone, or too slow: that is its own affair
        finally:
            writer.transport.abort()  # nothing happens if it is closed

    async def _answer_to(self, head: bytes | None) -> tuple[bool, Answer]:
        """Return whether only the head of an answer is asked for, and the answer."""
        if head is None:
            return False, _TOO_LONG
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        path, _, version = rest.partition(" ")
        if not version.startswith("HTTP/1.") or not path.startswith("/"):
            return False, _BAD_REQUEST
        if method not in ("GET", "HEAD"):
            return False, _NOT_ALLOWED
        try:
            return method == "HEAD", await self._answer(path.partition("?")[0])
        except Exception:  # noqa: BLE001 - a bug here must not end what runs tasks
            _log.exception("a request for %r cannot be answered", path[:100])
            return method == "HEAD", _BROKEN


async def _head_of(reader: asyncio.StreamReader) -> bytes | None:
    """Return the head of a request; `None` if it is too long."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return None


def _bytes_of(answer: Answer, *, is_head: bool) -> bytes:
    body = answer.body.encode()
    allow = ["Allow: GET, HEAD"] if answer is _NOT_ALLOWED else []
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *allow,
        "\r\n",
    ]
    return "\r\n".join(lines).encode() + (b"" if is_head else body)
