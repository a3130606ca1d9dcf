"""Answers of Sentinels that a real one seldom gives: an old one alone, another form, no right to listen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

import pytest

from interval_scheduler import RedisInstance, UnsuitableServer
from interval_scheduler.config.options import StorageOptions
from interval_scheduler.storage.connection.sentinels import Sentinels
from tests.waiting import until

pytestmark = pytest.mark.asyncio

ADDRESS = b"*2\r\n$9\r\n127.0.0.1\r\n$1\r\n7\r\n"


def state(**fields: str) -> bytes:
    """The answer to SENTINEL MASTER."""
    words = [word for pair in fields.items() for word in (pair[0].replace("_", "-"), pair[1])]
    return f"*{len(words)}\r\n".encode() + b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words)


def healthy(epoch: int) -> bytes:
    return state(flags="master", ip="127.0.0.1", port="7", config_epoch=str(epoch))


@contextlib.asynccontextmanager
async def answering(answers: Mapping[bytes, bytes]) -> AsyncIterator[str]:
    """A server that gives these answers to commands that contain these words; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # the client has gone
            while said := await reader.read(4096):
                found = [answer for word, answer in answers.items() if word in said]
                writer.write(found[0] if found else b"+OK\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def sentinels(*nodes: str) -> Sentinels:
    return Sentinels(RedisInstance(sentinels=nodes, service="main"), StorageOptions(), logging.getLogger("sentinels"))


async def test_an_old_answer_is_believed_if_nobody_knows_better() -> None:
    """The Sentinels were set up anew, and count their agreements from the start."""
    answers = {b"GET-MASTER": ADDRESS, b"MASTER": healthy(9)}
    async with answering(answers) as node:
        asked = sentinels(node)
        assert await asked.locate(0) == ("127.0.0.1", 7)
        answers[b"MASTER"] = healthy(1)
        answers[b"GET-MASTER"] = ADDRESS.replace(b"$1\r\n7", b"$1\r\n8")
        assert await asked.locate(0) == ("127.0.0.1", 8)


@pytest.mark.parametrize(
    "answers",
    [
        {b"GET-MASTER": ADDRESS, b"MASTER": state(flags="master", ip="127.0.0.1", port="7")},
        {b"GET-MASTER": ADDRESS, b"MASTER": state(flags="master", ip="127.0.0.1", port="7", config_epoch="no number")},
        {b"GET-MASTER": ADDRESS, b"MASTER": b"*1\r\n$5\r\nflags\r\n"},
        {b"GET-MASTER": b"*1\r\n$9\r\n127.0.0.1\r\n"},
        {b"GET-MASTER": b":7\r\n"},
        {b"GET-MASTER": ADDRESS.replace(b"$1\r\n7", b"$5\r\n70000"), b"MASTER": healthy(1)},
    ],
    ids=["a field is missing", "no number", "no pairs", "no port", "another type", "a port that can be none"],
)
async def test_another_form_is_told_and_ends_nothing(answers: dict[bytes, bytes]) -> None:
    answers[b"SUBSCRIBE"] = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n" * 4
    async with answering(answers) as node:
        asked = sentinels(node)
        with pytest.raises(UnsuitableServer, match=f"has a Sentinel, {node}, that answers in another form"):
            await asked.locate(0)
        watching = asyncio.create_task(asked.watch(lambda: None))
        await asyncio.sleep(0.1)  # nothing tells that it goes on: it looks at once
        assert not watching.done()
        watching.cancel()


async def test_without_the_right_to_listen_a_warning_says_what_that_costs(caplog: pytest.LogCaptureFixture) -> None:
    answers = {
        b"GET-MASTER": ADDRESS,
        b"MASTER": healthy(1),
        b"SUBSCRIBE": b"-NOPERM this user has no permissions to run the 'subscribe' command\r\n",
    }
    async with answering(answers) as node:
        watching = asyncio.create_task(sentinels(node).watch(lambda: None))
        await until(lambda: caplog.messages)
        watching.cancel()
    (said,) = caplog.messages
    assert f"its Sentinel {node} does not let this user SUBSCRIBE" in said
