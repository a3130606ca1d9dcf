"""Names of hosts are looked up in threads of our own, once at a time, and their addresses are remembered."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from interval_scheduler.storage.connection.names import Names, is_address
from tests.waiting import until

pytestmark = pytest.mark.asyncio
AGAIN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
NONE = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Resolver:
    """Stands in for `socket.getaddrinfo`: answers with addresses or an error, when it is let."""

    def __init__(self) -> None:
        self.answer: list[str] | Exception = ["10.0.0.1"]
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = 0
        self.threads: set[threading.Thread] = set()

    def __call__(self, host: str, port: object, **_: object) -> list[tuple[Any, ...]]:
        assert (host, port) == ("redis.example", None)
        self.asked += 1
        self.threads.add(threading.current_thread())
        assert self.may_answer.wait(20)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.answer]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    found = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield found
    found.may_answer.set()
    for thread in found.threads:
        thread.join(20)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0"])
async def test_an_address_is_not_looked_up(resolver: Resolver, host: str) -> None:
    assert is_address(host)
    assert await Names().addresses(host) == (host,)
    assert resolver.asked == 0


async def test_all_addresses_once_and_no_thread_is_left(resolver: Resolver) -> None:
    resolver.answer = ["::1", "10.0.0.1", "::1", "10.0.0.2"]
    assert await Names().addresses("redis.example") == ("::1", "10.0.0.1", "10.0.0.2")
    (thread,) = resolver.threads
    assert thread.daemon, "a resolver that hangs keeps no interpreter from its end"
    thread.join(20)
    assert not thread.is_alive()


async def test_the_threads_of_the_loop_are_not_needed(resolver: Resolver) -> None:
    loop, let_go = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    blocked = asyncio.ensure_future(asyncio.to_thread(let_go.wait, 20))
    try:
        async with asyncio.timeout(10):
            assert await Names().addresses("redis.example") == ("10.0.0.1",)
    finally:
        let_go.set()
        await blocked


async def test_many_who_ask_share_one_look_up_and_cancel_it_for_nobody(resolver: Resolver) -> None:
    names = Names()
    resolver.may_answer.clear()
    asking = [asyncio.ensure_future(names.addresses("redis.example")) for _ in range(100)]
    await asyncio.sleep(0)  # all of them begin to wait
    asking[0].cancel()
    await asyncio.wait([asking[0]])
    resolver.may_answer.set()
    assert await asyncio.gather(*asking[1:]) == [("10.0.0.1",)] * 99
    assert (asking[0].cancelled(), resolver.asked) == (True, 1)


async def test_the_remembered_address_serves_while_a_look_up_hangs(resolver: Resolver) -> None:
    names = Names(patience_seconds=0.05)
    await names.addresses("redis.example")
    resolver.may_answer.clear()
    resolver.answer = ["10.0.0.9"]
    for _ in range(3):
        assert await names.addresses("redis.example") == ("10.0.0.1",)
        await until(lambda: resolver.asked > 1)  # its thread may begin later than we give up
    assert resolver.asked == 2, "one that hangs is not asked again"
    resolver.may_answer.set()
    for thread in resolver.threads:
        thread.join(20)
    assert await names.addresses("redis.example") == ("10.0.0.9",)


async def test_the_remembered_address_serves_while_the_resolver_fails_for_now(resolver: Resolver) -> None:
    names = Names(patience_seconds=60)
    await names.addresses("redis.example")
    resolver.answer = AGAIN
    assert await names.addresses("redis.example") == ("10.0.0.1",)
    resolver.answer = NONE
    with pytest.raises(socket.gaierror, match="not known"):
        await names.addresses("redis.example")


@pytest.mark.parametrize("error", [AGAIN, NONE, TypeError("a bug")])
async def test_without_a_remembered_address_the_error_is_told(resolver: Resolver, error: Exception) -> None:
    resolver.answer = error
    with pytest.raises(type(error), match=str(error.args[-1])):
        await Names().addresses("redis.example")


async def test_a_host_that_cannot_be_a_name_is_an_error_of_the_system(resolver: Resolver) -> None:
    resolver.answer = UnicodeError("label too long")
    with pytest.raises(OSError, match="cannot be one") as caught:
        await Names().addresses("redis.example")
    assert caught.value.__cause__ is resolver.answer


async def test_a_system_without_another_thread(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: object) -> None:
        raise RuntimeError("can't start new thread")

    names = Names()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(OSError, match="can't start new thread"):
            await names.addresses("redis.example")
    assert await names.addresses("redis.example") == ("10.0.0.1",)


async def test_the_address_that_answers_comes_first(resolver: Resolver) -> None:
    names = Names()
    resolver.answer = ["::1", "10.0.0.1", "10.0.0.2"]
    await names.addresses("redis.example")
    names.prefer("redis.example", "10.0.0.2")
    names.prefer("redis.example", "10.0.0.7")  # no address of it any more
    names.prefer("elsewhere.example", "10.0.0.7")
    assert await names.addresses("redis.example") == ("10.0.0.2", "::1", "10.0.0.1")


async def test_a_loop_that_closes_leaves_its_look_up_behind(resolver: Resolver) -> None:
    names = Names()
    resolver.may_answer.clear()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await names.addresses("redis.example")

    await asyncio.to_thread(asyncio.run, give_up())
    resolver.may_answer.set()
    assert await names.addresses("redis.example") == ("10.0.0.1",)
