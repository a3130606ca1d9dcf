"""`RedisInstance`: as a value, from URLs, and never showing a password."""

from __future__ import annotations

import dataclasses
import logging
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler import ConfigurationError, ConfigurationTypeError, RedisInstance, Scheduler, SchedulerOptions
from interval_scheduler.config.options import StorageOptions


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
        ("local:///var/a", RedisInstance(folder="/var/a")),
        ("local:///var/a/", RedisInstance(folder="/var/a")),
        ("local:///a%20b/100%25?db=1&name=n", RedisInstance(folder="/a b/100%", db=1, name="n")),
        ("local://./a", RedisInstance(folder="a")),
        ("local://a/b", RedisInstance(folder="a/b")),
        ("local://../a", RedisInstance(folder="../a")),
        ("local:///%FF", RedisInstance(folder="/\udcff")),
        ("redis+sentinel://h/main", RedisInstance(sentinels=("h:26379",), service="main")),
        ("redis+sentinel://h/main/", RedisInstance(sentinels=("h:26379",), service="main")),
        ("redis+sentinel://a:1,b:2,c/main/3", RedisInstance(sentinels=("a:1", "b:2", "c:26379"), service="main", db=3)),
        ("redis+sentinel://a,b:2/main?db=3", RedisInstance(sentinels=("a:26379", "b:2"), service="main", db=3)),
        ("redis+sentinel://[::1]:1,b:2/main", RedisInstance(sentinels=("[::1]:1", "b:2"), service="main")),
        (
            "redis+sentinel://me:secret@a:1,b:2/main/1?name=n&sentinel_username=you&sentinel_password=other%26more",
            RedisInstance(
                sentinels=["a:1", "b:2"],
                service="main",
                db=1,
                name="n",
                username="me",
                password="secret",
                sentinel_username="you",
                sentinel_password="other&more",
            ),
        ),
        ("rediss+sentinel://a:1/main", RedisInstance(sentinels=("a:1",), service="main", tls=True)),
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
        (RedisInstance(socket_path="/run/a b/ö{1}.sock"), "/run/a%20b/%C3%B6%7B1%7D.sock/0"),
        (RedisInstance(socket_path="/run/a%20b~+:@!$&'();=?#.sock"), "/run/a%20b~+:@!$&'();=?#.sock/0"),
        (RedisInstance(memory="store"), "memory:store/0"),
        (RedisInstance(folder="/var/a", db=1), "local/1"),
        (RedisInstance(folder="/var/a", name="eu-1"), "eu-1"),
        (RedisInstance("h", name="eu-1"), "eu-1"),
        (RedisInstance(sentinels=("a:1", "b:2"), service="main", db=1), "main/1"),
        (RedisInstance(sentinels=("a:1", "b:2"), service="main", name="eu-1"), "eu-1"),
        (RedisInstance(cluster=("a:1",), shard=7), "shard-7"),
    ],
)
def test_a_partition_is_called_by_its_address_unless_it_has_a_name(instance: RedisInstance, name: str) -> None:
    assert instance.partition_name == name


@pytest.mark.parametrize(
    ("url", "shards", "instance"),
    [
        ("redis+cluster://h", 16, RedisInstance(cluster=("h:6379",))),
        ("redis+cluster://a:1,b:2,c/?partitions=3", 3, RedisInstance(cluster=("a:1", "b:2", "c:6379"))),
        ("redis+cluster://h:1?partitions=1", 1, RedisInstance(cluster=("h:1",))),
        (
            "rediss+cluster://me:secret@h:1?partitions=256",
            256,
            RedisInstance(cluster=["h:1"], tls=True, username="me", password="secret"),
        ),
    ],
)
def test_the_url_of_a_cluster_names_all_its_partitions(url: str, shards: int, instance: RedisInstance) -> None:
    found = RedisInstance.all_from_url(url)
    assert found == tuple(dataclasses.replace(instance, shard=shard) for shard in range(shards))
    assert [each.partition_name for each in found] == [f"shard-{shard}" for shard in range(shards)]
    with pytest.raises(ConfigurationError, match=r"^url names a whole cluster, .*Scheduler\.from_url"):
        RedisInstance.from_url(url)


def test_a_folder_is_shown_by_its_url() -> None:
    assert RedisInstance(folder="/var/a b/100%").address == "local:///var/a%20b/100%25"
    assert RedisInstance(folder="/var/a", db=1).address == "local:///var/a?db=1"
    assert RedisInstance(folder="/\udcff").address == "local:///%FF"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("username", "me"),
        ("password", "secret"),
        ("socket_path", "/run/redis.sock"),
        ("memory", "store"),
        ("tls", True),
        ("sentinels", ["h:1"]),
        ("cluster", ["h:1"]),
    ],
)
def test_a_folder_has_a_server_of_its_own(option: str, value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="cannot be combined with folder, which has a server of its own"
    ) as caught:
        RedisInstance(folder="a", **{option: value})
    assert caught.value.field == option


def test_a_folder_cannot_be_relative_to_a_directory_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    with pytest.raises(ConfigurationError, match=r"^folder cannot be made absolute: the current directory is gone$"):
        RedisInstance(folder="a")


def test_any_other_url_names_one_instance() -> None:
    assert RedisInstance.all_from_url("redis://h/1") == (RedisInstance("h", db=1),)
    assert RedisInstance.all_from_url("redis+sentinel://h/main") == (RedisInstance.from_url("redis+sentinel://h/main"),)


@pytest.mark.parametrize(
    ("fields", "error", "field"),
    [
        ({"cluster": ()}, ConfigurationError, "cluster"),
        ({"cluster": ["h:1"], "partitions": 0}, ConfigurationError, "partitions"),
        ({"cluster": ["h:1"], "partitions": 257}, ConfigurationError, "partitions"),
        ({"cluster": ["h:1"], "partitions": True}, ConfigurationTypeError, "partitions"),
        ({"cluster": ["h:1"], "partitions": "3"}, ConfigurationTypeError, "partitions"),
        ({"cluster": ["h:1"], "db": 1}, ConfigurationError, "db"),
        ({"cluster": ["h:1"], "name": "n"}, ConfigurationError, "name"),
        ({"cluster": ["h"]}, ConfigurationError, "cluster"),
    ],
)
def test_clusters_that_cannot_be_used(fields: dict[str, Any], error: type[ConfigurationError], field: str) -> None:
    with pytest.raises(error, match=rf"^{field} ") as caught:
        RedisInstance.of_cluster(**fields)
    assert caught.value.field == field


def test_a_name_does_not_hide_the_address() -> None:
    assert RedisInstance("h", 1, 2, name="eu-1").address == "h:1/2"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://h/notadb", "^db .*not shown"),
        ("redis://h/0/1", "^db "),
        ("redis://h/-1", "^db "),
        ("redis://h?db=x", "^db "),
        ("redis://h/1?db=2", "^db is given twice"),
        ("redis://h/1?db=1", "^db is given twice"),
        (
            "http://h",
            r"^url must .* one of redis://, rediss://, unix://, memory://, local://, redis\+sentinel://, .* rediss\+cluster://$",
        ),
        ("redis+tls://h", "^url must start with"),
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
        ("local://", "^url local:// needs a folder"),
        ("local://?db=1", "^url local:// needs a folder"),
        ("local://localhost:6379/0", "^url local:// takes no port"),
        ("local://~/a", "^url local:// does not know ~"),
        ("local:///a%00", "^folder must be the path of a folder"),
        ("local:///a?db=16", "^db must be from 0 to 15 on the server of a folder"),
        ("local:///a?tls_ca_file=/nowhere.pem", "^url option 'tls_ca_file' is unknown; known: name, db$"),
        ("redis://h?tls_ca_file=/nowhere.pem", "^tls_ca_file needs tls"),
        ("rediss://h?tls_ca_file=/nowhere.pem", "^tls_ca_file is not a file"),
        ("redis://h?name=", "^name "),
        ("redis://h?name=a,b", "^name "),
        ("redis://a,b/0", "^host "),
        ("redis://h?sentinel_password=x", "^url option 'sentinel_password' is unknown; known: name, db, tls_ca_file"),
        ("redis://h?partitions=2", "^url option 'partitions' is unknown"),
        ("redis+sentinel://h", "^service must say what the Sentinels call it"),
        ("redis+sentinel://h/", "^service must say"),
        ("redis+sentinel:///main", "^url must name the host of each node"),
        ("redis+sentinel://a,,b/main", "^url must name the host of each node"),
        ("redis+sentinel://a,/main", "^url must name the host of each node"),
        ("redis+sentinel://:1/main", "^url must name the host of each node"),
        ("redis+sentinel://a:1,b:0/main", "^sentinels must have ports from 1 to 65535$"),
        ("redis+sentinel://a:1,b:70000/main", "^port must be a whole number from 1 to 65535"),
        ("redis+sentinel://a:1,b:port/main", "^port "),
        ("redis+sentinel://a/main/1?db=1", "^db is given twice"),
        ("redis+sentinel://a/main/users", "^db .*not shown"),
        ("redis+sentinel://a/main/1/2", "^db "),
        ("redis+sentinel://a/ma%20in", "^service must consist of"),
        ("redis+sentinel://a/main?service=other", "^url option 'service' is unknown"),
        (
            "redis+sentinel://a/main?sentinelPassword=x",
            r"option 'sentinelPassword' is unknown; did you mean sentinel_password\?",
        ),
        ("redis+sentinel://a/main?sentinel_password=x&sentinel_password=x", "^url option .* is given twice"),
        ("redis+sentinel://a/main?tls_ca_file=/nowhere.pem", "^tls_ca_file needs tls"),
        ("redis+sentinel://a/main#x", "^url .*fragment.*%23"),
        ("redis+cluster://h?partitions=2", "^url names a whole cluster"),
    ],
)
def test_urls_that_cannot_be_used(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        RedisInstance.from_url(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis+cluster://", "^url must name the host of each node"),
        ("redis+cluster://a,,b", "^url must name the host of each node"),
        ("redis+cluster://a:0", "^cluster must have ports from 1 to 65535$"),
        ("redis+cluster://a:70000", "^port "),
        ("redis+cluster://a/1", "^db cannot be chosen in a cluster"),
        ("redis+cluster://a/0", "^db cannot be chosen in a cluster"),
        ("redis+cluster://a?db=1", "^url option 'db' is unknown; known: partitions, tls_ca_file"),
        ("redis+cluster://a?name=n", "^url option 'name' is unknown"),
        ("redis+cluster://a?partitions=0", "^partitions must be from 1 to 256$"),
        ("redis+cluster://a?partitions=257", "^partitions must be from 1 to 256$"),
        ("redis+cluster://a?partitions=few", r"^partitions must be a whole number \(the value is not shown\)"),
        ("redis+cluster://a?partitions=", "^partitions must be a whole number"),
        ("redis+cluster://a?partitions=-1", "^partitions must be a whole number"),
        ("redis+cluster://a?partitions=2&partitions=2", "^url option 'partitions' is given twice"),
        ("redis+cluster://a?tls_ca_file=/nowhere.pem", "^tls_ca_file needs tls"),
    ],
)
def test_urls_of_clusters_that_cannot_be_used(url: str, says: str) -> None:
    for function in (RedisInstance.all_from_url, lambda url: Scheduler.from_url(url)):  # noqa: PLW0108 - its type
        with pytest.raises(ConfigurationError, match=says):
            function(url)


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
        ({"sentinels": "h:1", "service": "main"}, ConfigurationTypeError, "sentinels"),
        ({"sentinels": b"h:1", "service": "main"}, ConfigurationTypeError, "sentinels"),
        ({"sentinels": 5, "service": "main"}, ConfigurationTypeError, "sentinels"),
        ({"sentinels": [("h", 1)], "service": "main"}, ConfigurationTypeError, "sentinels"),
        ({"sentinels": ["h"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": [":1"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:port"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:0"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:65536"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["redis://h:1"], "service": "main"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:1"]}, ConfigurationError, "service"),
        ({"sentinels": ["h:1"], "service": ""}, ConfigurationError, "service"),
        ({"sentinels": ["h:1"], "service": "a b"}, ConfigurationError, "service"),
        ({"sentinels": ["h:1"], "service": 1}, ConfigurationTypeError, "service"),
        ({"service": "main"}, ConfigurationError, "service"),
        ({"sentinel_username": "me"}, ConfigurationError, "sentinel_username"),
        ({"sentinel_password": "x"}, ConfigurationError, "sentinel_password"),
        ({"sentinel_password": 1}, ConfigurationTypeError, "sentinel_password"),
        ({"sentinels": ["h:1"], "service": "main", "socket_path": "/s"}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:1"], "service": "main", "memory": ""}, ConfigurationError, "sentinels"),
        ({"sentinels": ["h:1"], "service": "main", "cluster": ["h:1"]}, ConfigurationError, "cluster"),
        ({"cluster": "h:1"}, ConfigurationTypeError, "cluster"),
        ({"cluster": ["h"]}, ConfigurationError, "cluster"),
        ({"cluster": ["h:1"], "socket_path": "/s"}, ConfigurationError, "cluster"),
        ({"cluster": ["h:1"], "memory": ""}, ConfigurationError, "cluster"),
        ({"cluster": ["h:1"], "db": 1}, ConfigurationError, "db"),
        ({"cluster": ["h:1"], "name": "n"}, ConfigurationError, "name"),
        ({"cluster": ["h:1"], "shard": 256}, ConfigurationError, "shard"),
        ({"cluster": ["h:1"], "shard": -1}, ConfigurationError, "shard"),
        ({"cluster": ["h:1"], "shard": None}, ConfigurationTypeError, "shard"),
        ({"shard": 1}, ConfigurationError, "shard"),
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
    encoded = quote(secret, safe="")
    instance = RedisInstance.from_url(f"redis://me:{encoded}@h:1/2")
    other = RedisInstance.from_url(f"redis+sentinel://me:{encoded}@h:1,i:2/main?sentinel_password={encoded}")
    assert instance.password == other.password == other.sentinel_password == secret
    options = SchedulerOptions(storage=StorageOptions(instances=(instance, other)))
    for thing in (instance, other, other.location, options, options.storage, Scheduler(options)):
        for text in (repr(thing), str(thing), f"{thing}"):
            assert secret not in text
            assert encoded not in text


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
        "redis+sentinel://me:hunter2@h",
        "redis+sentinel://me:hunter2@a:1,b:port/main",
        "redis+sentinel://me:hunter2@a:1,b c/main",
        "redis+sentinel://me:hunter2@a:1/main/users",
        "redis+sentinel://a:1/main?sentinel_password=hunter2&name=a,b",
        "redis+sentinel://a:1/main?sentinel_password=hunter2&sentinel_password=hunter2",
        "redis+sentinel://a:1/?sentinel_password=hunter2",
        "redis+cluster://me:hunter2@a:1",
        "redis+cluster://me:hunter2@a:1/1",
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
        "unix://:1?hunter2@/run/redis.sock",
        "memory:///hunter2@x",
        "local://:/hunter2@x",
        "local://:hunter2@x",
        "redis+sentinel://:/hunter2@h:1/main",
        "redis+sentinel://:12/hunter2@h:1/main",
        "redis+sentinel://me:/hunter2@h:1",
        "redis+sentinel://me:12/hunter2@h/main",
        "redis+sentinel://me:12?hunter2@h/main",
        "redis+sentinel://me:12#hunter2@h/main",
        "redis+cluster://me:12/hunter2@h:1",
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
