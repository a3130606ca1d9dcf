"""`RedisInstance`: as a value, from URLs, and never showing a password."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import ConfigurationError, ConfigurationTypeError, RedisInstance, Scheduler, SchedulerOptions
from interval_scheduler.options import StorageOptions


@pytest.mark.parametrize(
    ("url", "instance"),
    [
        ("redis://localhost:6379/0", RedisInstance()),
        ("redis://localhost", RedisInstance()),
        ("redis://", RedisInstance()),
        ("redis://h:7000/3", RedisInstance("h", 7000, 3)),
        ("redis://h?db=3", RedisInstance("h", db=3)),
        ("redis://h/", RedisInstance("h")),
        ("redis://:secret@h", RedisInstance("h", password="secret")),
        ("redis://me:secret@h:1/2", RedisInstance("h", 1, 2, username="me", password="secret")),
        ("redis://me:p%40ss%2Fw%3Ard%23@h", RedisInstance("h", username="me", password="p@ss/w:rd#")),
        ("redis://h?name=one", RedisInstance("h", name="one")),
        ("rediss://h:6380/1", RedisInstance("h", 6380, 1, tls=True)),
        ("redis://[::1]:7000/1", RedisInstance("::1", 7000, 1)),
        ("redis://[2001:db8::1]", RedisInstance("2001:db8::1")),
        ("redis://10.0.0.1", RedisInstance("10.0.0.1")),
        ("unix:///run/redis.sock", RedisInstance(socket_path="/run/redis.sock")),
        ("unix:///run/redis.sock?db=2&name=s", RedisInstance(socket_path="/run/redis.sock", db=2, name="s")),
        ("unix://:secret@/run/redis.sock", RedisInstance(socket_path="/run/redis.sock", password="secret")),
        ("memory://", RedisInstance(memory="")),
        ("memory://store", RedisInstance(memory="store")),
        ("memory://store?db=1&name=n", RedisInstance(memory="store", db=1, name="n")),
    ],
)
def test_urls(url: str, instance: RedisInstance) -> None:
    assert RedisInstance.from_url(url) == instance


@pytest.mark.parametrize(
    ("instance", "name"),
    [
        (RedisInstance(), "localhost:6379/0"),
        (RedisInstance("h", 1, 2), "h:1/2"),
        (RedisInstance("::1", 7000), "[::1]:7000/0"),
        (RedisInstance("h", tls=True), "h:6379/0"),
        (RedisInstance(socket_path="/run/redis.sock", db=1), "/run/redis.sock/1"),
        (RedisInstance(memory="store"), "memory:store/0"),
        (RedisInstance("h", name="eu-1"), "eu-1"),
    ],
)
def test_a_partition_is_called_by_its_address_unless_it_has_a_name(instance: RedisInstance, name: str) -> None:
    assert instance.partition_name == name


def test_a_name_does_not_hide_the_address() -> None:
    assert RedisInstance("h", 1, 2, name="eu-1").address == "h:1/2"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://h/notadb", "^db .*'notadb'"),
        ("redis://h/0/1", "^db "),
        ("redis://h/-1", "^db "),
        ("redis://h?db=x", "^db "),
        ("redis://h/1?db=2", "^db is given twice"),
        ("redis://h/1?db=1", "^db is given twice"),
        ("http://h", "^url must start with one of redis://, rediss://, unix://, memory://"),
        ("h:6379", "^url must start with"),
        ("localhost", "^url must start with"),
        ("", "^url must start with"),
        ("redis://h:0", "^port .* 1 to 65535"),
        ("redis://h:70000", "^port .* 1 to 65535"),
        ("redis://h:port", "^port "),
        ("redis://h:-1", "^port "),
        ("redis://[::1", "^url .*malformed"),
        ("redis://h?timeout=5", "^url option 'timeout' is unknown; known: name, db"),
        ("redis://h?name=a&name=b", "^url option 'name' is given twice"),
        ("redis://h/0#x", "^url .*fragment.*%23"),
        ("unix://", "^url .*path of a socket"),
        ("memory://store/path", "^url .*no path"),
        ("redis://h?tls_ca_file=/nowhere.pem", "^tls_ca_file needs tls"),
        ("rediss://h?tls_ca_file=/nowhere.pem", "^tls_ca_file is not a file"),
        ("redis://h?name=", "^name "),
        ("redis://h?name=a,b", "^name "),
    ],
)
def test_urls_that_cannot_be_used(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RedisInstance.from_url(url)


@pytest.mark.parametrize("url", [None, b"redis://h", 1, RedisInstance()])
def test_a_url_is_a_str(url: Any) -> None:
    with pytest.raises(ConfigurationTypeError, match=r"^url must be a str"):
        RedisInstance.from_url(url)


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        ({"host": ""}, ConfigurationError, "host"),
        ({"host": None}, ConfigurationTypeError, "host"),
        ({"host": b"h"}, ConfigurationTypeError, "host"),
        ({"host": "redis://h"}, ConfigurationError, "host"),
        ({"port": 0}, ConfigurationError, "port"),
        ({"port": 65536}, ConfigurationError, "port"),
        ({"port": 70000}, ConfigurationError, "port"),
        ({"port": "six"}, ConfigurationError, "port"),
        ({"port": "²"}, ConfigurationError, "port"),
        pytest.param({"port": "9" * 5000}, ConfigurationError, "port", id="port of 5000 digits"),
        ({"port": 6379.0}, ConfigurationTypeError, "port"),
        ({"port": True}, ConfigurationTypeError, "port"),
        ({"port": None}, ConfigurationTypeError, "port"),
        ({"db": -1}, ConfigurationError, "db"),
        ({"db": "-1"}, ConfigurationError, "db"),
        ({"db": "notadb"}, ConfigurationError, "db"),
        ({"db": None}, ConfigurationTypeError, "db"),
        ({"username": 1}, ConfigurationTypeError, "username"),
        ({"password": b"secret"}, ConfigurationTypeError, "password"),
        ({"tls": 1}, ConfigurationTypeError, "tls"),
        ({"tls": True, "socket_path": "/s"}, ConfigurationError, "tls"),
        ({"tls_ca_file": "/x"}, ConfigurationError, "tls_ca_file"),
        ({"tls": True, "tls_ca_file": "/nowhere.pem"}, ConfigurationError, "tls_ca_file"),
        ({"socket_path": 1}, ConfigurationTypeError, "socket_path"),
        ({"name": 1}, ConfigurationTypeError, "name"),
        ({"name": ""}, ConfigurationError, "name"),
        ({"name": "a{b"}, ConfigurationError, "name"),
        ({"name": "a}b"}, ConfigurationError, "name"),
        ({"name": "a b"}, ConfigurationError, "name"),
        ({"name": "a,b"}, ConfigurationError, "name"),
        ({"name": "a*"}, ConfigurationError, "name"),
        ({"name": ":a"}, ConfigurationError, "name"),
        ({"name": "ü"}, ConfigurationError, "name"),
        ({"name": "a\0"}, ConfigurationError, "name"),
        pytest.param({"name": "x" * 257}, ConfigurationError, "name", id="long name"),
        ({"memory": 1}, ConfigurationTypeError, "memory"),
    ],
)
def test_fields_that_cannot_be_used(arguments: dict[str, Any], error: type[ConfigurationError], field: str) -> None:
    with pytest.raises(error, match=rf"^{field} ") as caught:
        RedisInstance(**arguments)
    assert caught.value.field == field


def test_the_ports_and_databases_of_the_original_may_be_strings() -> None:
    assert RedisInstance(port="8888", db="2") == RedisInstance(port=8888, db=2)  # type: ignore[arg-type]


def test_a_certificate_file_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    assert RedisInstance.from_url(f"rediss://h?tls_ca_file={file}").tls_ca_file == str(file)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=6, max_size=20))
def test_no_repr_shows_a_password(secret: str) -> None:
    secret = f"<{secret}>"  # so that it cannot be part of anything else by chance
    instance = RedisInstance.from_url(f"redis://me:{quote(secret, safe='')}@h:1/2")
    assert instance.password == secret
    options = SchedulerOptions(storage=StorageOptions(instances=(instance,)))
    for thing in (instance, options, options.storage, Scheduler(options)):
        for text in (repr(thing), str(thing), f"{thing}"):
            assert secret not in text
            assert quote(secret, safe="") not in text


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hunter2@h",
        "redis://me:hunter2@h:0",
        "redis://me:hunter2@h:70000",
        "redis://me:hunter2@h:port",
        "redis://me:hunter2@h/notadb",
        "redis://me:hunter2@h?timeout=1",
        "redis://me:hunter2@h?name=a,b",
        "redis://me:hunter2@[::1",
        "redis://me:hunter2@h/0#x",
        "rediss://me:hunter2@h?tls_ca_file=/nowhere",
        "redis://me:hunter2@a b",
    ],
)
def test_no_error_shows_the_password_of_a_url(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisInstance.from_url(url)
    assert "hunter2" not in "".join(traceback.format_exception_only(caught.value))
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:/hunter2@h:6379/0",
        "redis://:12/hunter2@h:6379/0",
        "redis://me:/hunter2@h",
        "redis://:12?hunter2@h/0",
        "redis://:#hunter2@h",
        "redis://:[hunter2@h",
        "unix://:1?hunter2@/run/redis.sock",
        "memory:///hunter2@x",
    ],
)
def test_no_error_shows_a_password_that_was_not_encoded(url: str) -> None:
    # A slash, a question mark or a hash in a password that is pasted as it is: the URL then reads otherwise.
    with pytest.raises(ConfigurationError) as caught:
        RedisInstance.from_url(url)
    assert "hunter2" not in str(caught.value)


def test_a_url_given_as_a_host_is_refused_without_showing_its_password() -> None:
    # The original's README calls the host "Redis host url".
    with pytest.raises(ConfigurationError, match=r"^host ") as caught:
        RedisInstance(host="redis://me:hunter2@h")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["redis://me:hunter2@h", "rediss://:hunter2@h:1/0"])
def test_a_url_given_as_a_name_is_refused_without_showing_its_password(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^name must not be a URL") as caught:
        RedisInstance("h", name=name)
    assert "hunter2" not in str(caught.value)


def test_a_password_of_the_wrong_type_is_not_shown() -> None:
    with pytest.raises(ConfigurationTypeError) as caught:
        RedisInstance(password=b"hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


def test_a_logger_gets_no_password(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        scheduler = Scheduler.from_url("redis://me:hunter2@h:1/2")
        logging.getLogger().info("made %s %r", scheduler, scheduler)
    assert "hunter2" not in caplog.text
    assert "h:1/2" in caplog.text
