"""No error, repr or log line shows a password that was written into a URL as it is, in whatever place it ends up."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interval_scheduler import ConfigurationError, RedisInstance, Scheduler, SchedulerError, SchedulerOptions
from interval_scheduler.config.options import StorageOptions

#: Stands nowhere else, so that a part of it is found too, and in any case.
MARK: Final = "kx7secret7xk"
SCHEMES: Final = (
    "redis",
    "rediss",
    "unix",
    "memory",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
    "REDIS",
    "http",
    MARK,
)
odd = st.text(alphabet="/?#@:[]%&=+ ,{}*\\;\t\n\0.~-_09aé²", max_size=6)
passwords = st.builds("{}{}{}".format, odd, st.just(MARK), odd)
hosts = st.sampled_from(
    ["h", "h:1", "h:port", "h:70000", "[::1]:1", "[::1", "h]", "h:1,i:2", "h:1,i", "h,,i", "a b", ""]
)
tails = st.sampled_from(
    (
        *("", "/", "/0", "/0/1", "/main", "/main/0", "/notadb", "?db=1", "/1?db=1", "?name=a,b", "?name=n&name=n"),
        *("?timeout=1", "?tls_ca_file=/nowhere.pem", "?partitions=2", "/main?sentinel_password=x", "#x"),
        "/run/r.sock",
    )
)
users = st.sampled_from(["", "me", "me%40x", "a/b", "a?b"])


def told(error: BaseException) -> Iterator[str]:
    """Every text that an error carries, also by what it was raised from or for."""
    yield "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        yield f"{link} {link!r} {link.args!r} {vars(link)!r} {getattr(link, '__notes__', ())!r}"
        both = link.__cause__, link.__context__
        assert None in both or both[0] is both[1]
        link = both[0] or both[1]


def check(*texts: str) -> None:
    for text in texts:
        assert MARK not in text.lower()


def attempt(call: Any, *arguments: Any, **options: Any) -> Any:
    """What a call returns; an error that it raises must carry no password."""
    try:
        made = call(*arguments, **options)
    except ConfigurationError as error:
        check(*told(error))
        return None
    check(repr(made), str(made))
    return made


@settings(max_examples=600)
@given(st.sampled_from(SCHEMES), st.sampled_from(["://", ":/", ":", "//"]), users, passwords, hosts, tails)
@example("redis", "://", "u", f"{MARK}/x", "h:1", "/0")
@example("redis", "://", "u", f"a?{MARK}=b", "h", "/0")
@example("redis", "://", "u", f"1?name={MARK}", "h", "/0")
@example("redis+sentinel", "://", "u", "a", f"h:1,i:{MARK}", "/main")
@example("unix", "://", "u", f"a/{MARK}", "", "/run/r.sock")
@example("memory", "://", "u", MARK, "store", "")
@example("redis", "://", "u", f"{MARK}\u2100", "h", "/0")
def test_a_password_before_the_host(scheme: str, sign: str, user: str, password: str, host: str, tail: str) -> None:
    url = f"{scheme}{sign}{user}:{password}@{host}{tail}"
    scheduler = attempt(Scheduler.from_url, url)
    if scheduler is not None:
        check(repr(scheduler._options), repr(scheduler._options.storage.instances))
    attempt(RedisInstance.all_from_url, url)
    attempt(SchedulerOptions, {"instances": [url]})
    attempt(StorageOptions, instances=["redis://other", url])
    attempt(RedisInstance, url)
    attempt(RedisInstance, name=url)
    attempt(Scheduler, {url: 1})
    attempt(Scheduler, {(url,): 1})
    attempt(Scheduler.from_url, "redis://h", **{url: 1})


@settings(max_examples=300)
@given(st.sampled_from(SCHEMES), passwords.filter(lambda text: "@" not in text), tails)
@example("redis", f"12?{MARK}", "")
@example("redis", f"1/{MARK}", "")
@example("redis", f"{MARK}:6379", "/0")
def test_a_password_without_a_host_behind_it(scheme: str, password: str, tail: str) -> None:
    for url in (f"{scheme}://me:{password}{tail}", f"{scheme}://me:{password}@{tail}", f"{scheme}://:{password}{tail}"):
        # Nobody can tell a store, a path or a service from the rest of such a password.
        if scheme != "memory" and not (("unix" in scheme or "sentinel" in scheme) and "/" in password):
            attempt(Scheduler.from_url, url)


@pytest.mark.parametrize(
    "fields",
    [
        {"port": MARK},
        {"port": MARK[:9]},
        {"db": MARK},
        {"username": MARK},
        {"sentinels": ["h:1"], "service": f"{MARK} x"},
        {"sentinels": [f"h:{MARK}"], "service": "s"},
        {"sentinels": ["h:1"], "service": "s", "sentinel_username": MARK},
        {"cluster": [f"me:{MARK}@h"]},
        {"name": f"a,{MARK}"},
        {"host": f"me:{MARK}@h"},
        {"tls": True, "tls_ca_file": f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----"},
    ],
)
def test_a_secret_in_the_place_of_an_option(fields: dict[str, Any]) -> None:
    attempt(RedisInstance, **fields)
    attempt(Scheduler, {"storage": {"instances": [fields]}})


@pytest.mark.parametrize(
    "options",
    [{"delivery": MARK}, {"on_offline": MARK}, {"concurrency": MARK}, {"namespace": f"{MARK} x"}, {"storage": MARK}],
)
def test_a_wrong_variable_of_the_environment_as_an_option(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Scheduler(options)
    check(*told(caught.value))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://:pass/word@h:6379/0", r"^url has an @ behind its host: encode / as %2F, \? as %3F, # as %23"),
        *(
            (url, r"^url has an @ behind its host: encode / as %2F")
            for url in (
                "rediss://me:pass/word@h/0",
                "redis://:/@h",
                "unix://:pass/word@/run/redis.sock",
                "redis+sentinel://:pass/word@a,b/main",
                "redis+cluster://:pass/word@a,b",
                "memory://:pass/word@store",
            )
        ),
        ("redis://:pass?word@h", r"^url has an @ behind its host"),
        ("redis+sentinel://h/main?sentinel_password=p@ss", r"^url has an @ behind its host: .* in a path or an option"),
        *(
            (url, r"^url option 'names' is unknown; did you mean name\? known: name, db, tls_ca_file, ")
            for url in ("redis://h?names=x", "redis://h:6379/0?names=x", "redis://me:pass@h:6379/0?db=1&names=x")
        ),
        ("redis://h?rest=x", r"^url option 'rest' is unknown; known: "),
        ("redis://me:pass@h:1?a%0Ab=x", r"^url option \(not shown\) is unknown; known: "),
        ("redis://h?p4ss-Word", r"^url option \(not shown\) is unknown; known: "),
        ("redis://h:6379/0?socket_timeout=5", r"^url option 'socket_timeout' is unknown; known: "),
        ("local://./a?create=x", r"^url option 'create' is unknown; known: name, db$"),
        ("redis://me:12?rest=x", r"^url option \(not shown\) is unknown; known: "),
        ("redis://:12/0?rest=x", r"^url option \(not shown\) is unknown; known: "),
        ("redis+sentinel://h/main?sentinel_password=a&rest=b", r"^url option \(not shown\) is unknown; known: "),
        (
            "redis+sentinel://me:pass@h/main?sentinel_password=a&names=b",
            r"^url option 'names' is unknown; did you mean name",
        ),
        (
            "local://me:pass@./a",
            r"^url local:// takes no user name and no password: its folder is for this user alone$",
        ),
        ("memory://me:pass@store", r"^url memory://store takes no user name and no password$"),
        ("unix://run/redis.sock", r"^url unix:// takes no host: write unix:///path"),
    ],
)
def test_the_way_out_is_told(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RedisInstance.from_url(url)


def test_what_needs_no_encoding_still_works() -> None:
    assert RedisInstance.from_url("redis://me:a@b:c[d@h:1/2\n").password == "a@b:c[d"
    assert RedisInstance.from_url("REDIS://H:1").host == "h"
    assert RedisInstance.from_url("unix:///run/a%40b.sock?name=n%40m") == RedisInstance(
        socket_path="/run/a@b.sock", name="n@m"
    )


@settings(max_examples=25)
@given(users, passwords)
def test_a_password_that_is_used_is_not_told_while_connecting(user: str, password: str) -> None:
    records: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.getMessage()} {record.args!r} {record.exc_info!r}")

    async def connect(url: str) -> None:
        scheduler = Scheduler.from_url(url, connect_timeout_seconds=1, operation_timeout_seconds=1)
        try:
            await scheduler.connect()
        except SchedulerError as error:
            check(*told(error))
        check(repr(await scheduler.check_health()))
        await scheduler.close()

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening: connections are refused
        url = f"redis://{user}:{password}@127.0.0.1:{closed.getsockname()[1]}/0"
        handler, root = Keeping(logging.DEBUG), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            asyncio.run(connect(url))
        except ConfigurationError as error:
            check(*told(error))
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
    check(*records)
