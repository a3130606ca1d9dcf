"""A run in which everything goes wrong in turn, told as loudly as can be: the program of `test_secrets.py`.

    python -X dev -m tests.integration.noisy RECORDS

It prints the `repr` and `str` of all that an application gets to see, and every error with its traceback; asyncio
tells each step in debug mode; and each record of `logging` goes to stderr and, taken apart, to the file RECORDS. None
of that may hold a secret. That a test can rely on the silence, each scene says what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from interval_scheduler import IntervalTask, RedisInstance, Retry, Scheduler, SchedulerOptions, TaskRun, current_run
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import Keys
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

#: Each begins and ends with a word that stands nowhere else, so that a part of it is found too.
RIGHT: Final = "kX7right-p@ss/w:rd#?%[é&=+-right7Xk"
WRONG: Final = "kX7wrong-p@ss/w:rd#?%[é&=+-wrong7Xk"
ROTATED: Final = "kX7rotated-p@ss:-rotated7Xk"
PAYLOAD: Final = "kX7payload and more of it payload7Xk"
#: What must be found nowhere.
SECRETS: Final = [word for kind in ("right", "wrong", "rotated", "payload") for word in (f"kX7{kind}", f"{kind}7Xk")]
#: What must be found, as proof that the scenes took place.
PROOFS: Final = (
    "url must start with one of",
    "db must be a whole number",
    "is not an option",
    "name must not be a URL",
    "refused: WRONGPASS",
    "refused: NOPERM",
    "unknown command",
    "the run of task 'fails' failed: RuntimeError: it does",
    "the run of task 'slow' failed: RunTimeout",
    "asks to try again after",
    "is dead, its last attempt failed",
    "its record is corrupt",
    "a handler of the event 'run' failed",
    "may or may not have happened",
    "is out of memory",
    "is offline",
    "is online again",
    "data must be at most",
    "was never closed: left to the end of the loop",
)
_NAMESPACE: Final = "noisy"


def say(*things: object) -> None:
    """Print things in every form that they have."""
    for thing in things:
        sys.stdout.write(f"{thing!r} | {thing!s} | {thing}\n")


def complain(error: BaseException) -> None:
    """Print an error as an application might: with its traceback, its parts, and as it arrives elsewhere by pickle."""
    traceback.print_exception(error)
    say(error, error.args, vars(error), pickle.loads(pickle.dumps(error)))


def attempt(call: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Do what must fail."""
    try:
        say(call(*arguments, **options))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        complain(error)


async def attempt_async(call: Coroutine[Any, Any, object]) -> None:
    """Do what may fail."""
    try:
        say(await call)
    except Exception as error:  # noqa: BLE001 - likewise
        complain(error)


def options() -> None:
    """Options and URLs that cannot be used, with a password in each."""
    coded = quote(RIGHT, safe="")
    for url in (
        f"http://me:{coded}@h",
        f"redis://me:{coded}@h:0",
        f"redis://me:{coded}@h:port",
        f"redis://me:{coded}@h/notadb",
        f"redis://me:{coded}@h?timeout=1",
        f"redis://me:{coded}@h?{coded}=1",
        f"redis://me:{coded}@h?name=a,b",
        f"redis://me:{coded}@h?name=redis://me:{coded}@h",
        f"redis://me:{coded}@[::1",
        f"redis://me:{coded}@h/0#{coded}",
        f"rediss://me:{coded}@h?tls_ca_file=/nowhere",
        f"redis://me:{RIGHT}@h",
        f"redis://:{RIGHT}@h:1/0",
        f"redis://me:1/{RIGHT}@h/0",
        f"unix://me:{RIGHT}@/run/redis.sock",
    ):
        attempt(Scheduler.from_url, url)
        attempt(RedisInstance.from_url, url)
        attempt(RedisInstance, url)
        attempt(RedisInstance, name=url)
        attempt(Scheduler, url)
        attempt(Scheduler, {"storage": {"instances": [url]}})
        for key in (url, url.encode()):
            attempt(Scheduler, {key: 1})
            attempt(Scheduler, {"storage": {key: 1}})
            attempt(Scheduler, {"storage": {"instances": [{key: 1}]}})
        attempt(Scheduler.from_url, "redis://h", **{url: 1})
    for instance in (
        {"host": "h", "password": RIGHT.encode()},
        {"host": "h", "passwort": RIGHT},
        {"host": "h", "password": RIGHT, "port": 0},
        {"host": "h", "password": RIGHT, "db": RIGHT},
        {"host": "h", "password": RIGHT, "tls": RIGHT},
    ):
        attempt(Scheduler, {"storage": {"instances": [instance]}})
    good = RedisInstance("h", username="me", password=RIGHT)
    attempt(Scheduler, {"storage": {"instances": [good, good]}})
    good_options = SchedulerOptions(storage={"instances": [good]})  # type: ignore[arg-type]
    say(good, good_options, good_options.storage, Scheduler(good_options), vars(Scheduler(good_options)))


def bad_tasks() -> None:
    """Payloads that are refused."""
    for data in (PAYLOAD * 10_000, f"{PAYLOAD}\udc80", [PAYLOAD], {PAYLOAD: PAYLOAD}):
        attempt(IntervalTask, "bad", data)
    attempt(IntervalTask, "bad", PAYLOAD, every=0)
    attempt(IntervalTask, "bad", PAYLOAD, retries=-1)


async def cannot_connect(server: RedisServer, deaf: RedisServer) -> None:
    """Credentials that are wrong, or not enough, or not understood."""
    coded, wrong = quote(RIGHT, safe=""), quote(WRONG, safe="")
    for url in (
        f"redis://noisy:{wrong}@127.0.0.1:{server.port}/0",
        f"redis://nobody:{coded}@127.0.0.1:{server.port}/0",
        f"redis://:{coded}@127.0.0.1:{server.port}/0",
        f"redis://weak:{coded}@127.0.0.1:{server.port}/0",
        f"redis://weaker:{coded}@127.0.0.1:{server.port}/0",
        f"redis://noisy:{coded}@127.0.0.1:{server.port}/99",
        f"redis://noisy:{coded}@127.0.0.1:{deaf.port}/0",
        f"redis://:{coded}@127.0.0.1:{deaf.port}/0",
        f"rediss://noisy:{coded}@127.0.0.1:{server.port}/0",
        f"redis://noisy:{coded}@127.0.0.1:1/0",
    ):
        scheduler = Scheduler.from_url(url, connect_timeout_seconds=3, operation_timeout_seconds=3)
        say(scheduler, scheduler._options)
        await attempt_async(scheduler.connect())
        await attempt_async(scheduler.assign_task(IntervalTask("a", PAYLOAD)))
        await scheduler.close()


async def execute(data: str) -> None:
    """Fail in the way that the task is called; its payload is none of the log's business."""
    assert data == PAYLOAD
    name = current_run().id
    if name == "retries":
        raise Retry(after=0.05)
    if name == "slow":
        await asyncio.Event().wait()
    if name == "fails":
        try:
            int(name)
        except ValueError as error:
            raise RuntimeError("it does") from error


@asynccontextmanager
async def running(server: RedisServer, proxy: Proxy) -> AsyncIterator[Scheduler]:
    """A scheduler that runs tasks, behind a proxy, with a handler of each event."""
    url = f"redis://noisy:{quote(RIGHT, safe='')}@127.0.0.1:{proxy.port}/0?name=here"
    scheduler = Scheduler.from_url(
        url,
        namespace=_NAMESPACE,
        lease_seconds=1,
        operation_timeout_seconds=4,
        reconnect_interval_seconds=0.05,
        drain_seconds=0.2,
    )

    def told(event: str) -> Callable[..., None]:
        return lambda *arguments: say(event, *arguments, asyncio.current_task())

    def fail(run: TaskRun) -> None:
        raise LookupError(f"nobody keeps {run!r}")

    for event in ("online", "offline", "db-disconnect", "db-reconnect", "run-error"):
        scheduler.on(event, told(event))
    scheduler.on("run", told("run"))
    scheduler.on("run", fail)
    async with scheduler:
        await scheduler.start_task_execute(execute)
        say(scheduler, vars(scheduler), scheduler._lifespan.require().partitions.master._client)
        yield scheduler


async def bad_runs(server: RedisServer, scheduler: Scheduler) -> None:
    """Runs that fail, time out, are put off, or cannot start."""
    keys = Keys(_NAMESPACE, "here")
    with server.client() as client:
        for name, record in (
            ("text", b"s\n\xff" + PAYLOAD.encode()),
            ("header", PAYLOAD.encode()),
            ("policy", b"s;zz9\n" + PAYLOAD.encode()),
        ):
            client.hset(keys.tasks, name, record)
            client.zadd(keys.due, {name: 0})
    await scheduler.assign_tasks([IntervalTask(f"well{n}", PAYLOAD, every=0.2) for n in range(2)])
    await scheduler.assign_task(IntervalTask("fails", PAYLOAD, retries=1, backoff=0.01))
    await scheduler.assign_task(IntervalTask("slow", PAYLOAD, timeout=0.05))
    await scheduler.assign_task(IntervalTask("retries", PAYLOAD, every=60))
    await attempt_async(_count(scheduler))
    for name in ("text", "header", "policy"):
        await attempt_async(scheduler.revive_task(name))

    async def all_dead() -> bool:
        return {"fails", "slow"} <= {task.id async for task in scheduler.dead_tasks()}

    await until(all_dead)
    await attempt_async(scheduler.start_task_execute(execute))
    await attempt_async(scheduler.remove_task(PAYLOAD * 100))
    for task in asyncio.all_tasks():
        say(task, task.get_name())
        task.print_stack()


async def _count(scheduler: Scheduler) -> int:
    return len([task async for task in scheduler.tasks()])


async def lost(server: RedisServer, proxy: Proxy, scheduler: Scheduler) -> None:
    """Replies, rights, passwords, memory and at last the server go, one after the other, and come back."""
    with server.client() as client:
        for script in scripts.ALL:
            client.script_load(script.text)  # or the reply that is dropped would be NOSCRIPT
    proxy.drop_reply = lambda request: scripts.ASSIGN.sha.encode() in request
    await attempt_async(scheduler.assign_task(IntervalTask("unknown", PAYLOAD, every=60)))
    proxy.drop_reply = lambda _: False
    await until(lambda: scheduler.online)

    async def fares(*commands: Iterable[str]) -> None:
        with server.client() as client:
            for command in commands:
                client.execute_command(*command)
        for _ in range(3):
            await attempt_async(scheduler.assign_task(IntervalTask("more", PAYLOAD, every=60)))
            await attempt_async(scheduler.is_scheduled("nobody"))
            await asyncio.sleep(0.02)  # between tries, of which each is told

    user = ("ACL", "SETUSER", "noisy")
    for away, back in ((("-zadd",), ("+@all",)), (("-evalsha", "-eval"), ("+@all",)), (("-hset",), ("+@all",))):
        await fares((*user, *away))
        await fares((*user, *back))
    await fares(
        (*user, "resetpass", f">{ROTATED}"), ("CLIENT", "KILL", "TYPE", "normal"), ("CLIENT", "KILL", "TYPE", "pubsub")
    )
    await until(lambda: not scheduler.online)
    await fares()
    await fares((*user, "resetpass", f">{RIGHT}"))
    await until(lambda: scheduler.online)
    await fares(("CONFIG", "SET", "maxmemory", "1"))
    await fares(("CONFIG", "SET", "maxmemory", "0"))
    server.kill()
    await until(lambda: not scheduler.online)
    for _ in range(3):
        await attempt_async(scheduler.assign_task(IntervalTask("more", PAYLOAD, every=60)))
    server.start()
    await until(lambda: scheduler.online)


async def abandoned(server: RedisServer) -> None:
    """A scheduler that nobody closes."""
    url = f"redis://noisy:{quote(RIGHT, safe='')}@127.0.0.1:{server.port}/0?name=here"
    scheduler = Scheduler.from_url(url, namespace=_NAMESPACE)
    await scheduler.start_task_accept()
    await scheduler.assign_task(IntervalTask("a", PAYLOAD, every=60))
    await scheduler.start_task_execute(execute)
    say(scheduler, "was never closed: left to the end of the loop")


async def main(server: RedisServer, deaf: RedisServer) -> None:
    asyncio.get_running_loop().slow_callback_duration = 0  # every step is slow, and told
    await cannot_connect(server, deaf)
    async with Proxy(server.port) as proxy, running(server, proxy) as scheduler:
        await bad_runs(server, scheduler)
        await lost(server, proxy, scheduler)


class Records(logging.Handler):
    """Writes each record down with all that it carries."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file.open("w")

    def emit(self, record: logging.LogRecord) -> None:
        self._file.write(f"{record.getMessage()} {vars(record)!r}\n")
        if record.exc_info:
            traceback.print_exception(*record.exc_info, file=self._file)

    def close(self) -> None:
        self._file.close()
        super().close()


def start() -> None:
    logging.basicConfig(level=logging.DEBUG, handlers=[logging.StreamHandler(), Records(Path(sys.argv[1]))])
    logging.captureWarnings(capture=True)
    options()
    bad_tasks()
    everything = f"on >{RIGHT} ~* &* +@all"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RedisServer(user=f"noisy {everything}"))
        deaf = stack.enter_context(RedisServer(rename_command="AUTH nothing"))
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "weak", "on", f">{RIGHT}", "+info")
            client.execute_command("ACL", "SETUSER", "weaker", "on", f">{RIGHT}", "~*", "+@all", "-evalsha")
        asyncio.run(main(server, deaf), debug=True)
        asyncio.run(abandoned(server), debug=True)
        gc.collect()


if __name__ == "__main__":
    start()
