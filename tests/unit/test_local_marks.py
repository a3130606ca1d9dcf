"""Which server may use the data of a folder of `local://`, and what it is started with."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.local import layout, marks
from interval_scheduler.storage.local.marks import Binary, Version


def version(text: str) -> Version:
    kind, _, numbers = text.partition(" ")
    major, minor, patch = map(int, numbers.split("."))
    return Version(kind.lower(), (major, minor, patch))


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=e08d", "Redis 7.0.15"),
        ("Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64 build=1", "Valkey 9.1.2"),
        ("Redis server v=255.255.255 sha=a:1", "Redis 255.255.255"),
    ],
)
def test_servers_tell_their_versions(told: str, found: str) -> None:
    assert str(marks.version_of(told)) == found


@pytest.mark.parametrize("told", ["", "Redis server", "KeyDB server v=6.3.4 sha=0", "redis-cli 7.0.15", "v=1.2.3"])
def test_other_programs_are_no_servers(told: str) -> None:
    assert marks.version_of(told) is None


@pytest.mark.parametrize(
    ("written", "server", "reads"),
    [
        ("redis 7.0.15", "redis 7.0.15", True),
        ("redis 7.0.15", "redis 7.0.1", True),  # the form of the data is the same
        ("redis 7.0.15", "redis 7.2.0", True),
        ("redis 6.2.0", "redis 10.0.0", True),
        ("redis 7.2.0", "redis 7.0.15", False),
        ("redis 10.0.0", "redis 9.9.9", False),
        ("redis 7.2.0", "valkey 9.1.0", False),
        ("valkey 8.0.0", "redis 8.2.0", False),
    ],
)
def test_a_server_reads_what_an_older_one_of_its_kind_wrote(written: str, server: str, reads: bool) -> None:  # noqa: FBT001 - a parameter
    assert version(server).reads(version(written)) is reads


def test_the_first_server_that_fits_is_taken() -> None:
    at_hand = [Binary("/a", version("valkey 9.1.2")), Binary("/b", version("redis 7.0.15"))]
    assert marks.fitting(None, at_hand, takes_over=True) is at_hand[0]
    assert marks.fitting(version("redis 7.0.0"), at_hand, takes_over=False) is at_hand[1]
    refused = marks.fitting(version("redis 8.0.0"), at_hand, takes_over=True)
    assert isinstance(refused, str)
    assert "has the data of Redis 8.0.0, and this machine has Valkey 9.1.2 and Redis 7.0.15, which cannot" in refused
    for written in (None, version("redis 7.0.0")):
        assert "this machine has none that runs" in str(marks.fitting(written, [], takes_over=True))


def test_a_server_that_writes_the_same_form_goes_before_a_newer_one() -> None:
    at_hand = [Binary(path, version(f"redis {path}")) for path in ("8.2.0", "7.2.9", "7.0.15")]
    assert marks.fitting(version("redis 7.0.0"), at_hand, takes_over=True) is at_hand[2]
    assert marks.fitting(version("redis 6.2.0"), at_hand, takes_over=True) is at_hand[0]
    refused = marks.fitting(version("redis 6.2.0"), at_hand, takes_over=False)
    assert "has the data of Redis 6.2.0, and whoever only looks does not let Redis 8.2.0 take them over" in str(refused)


def test_a_mark_is_read_as_it_was_written() -> None:
    assert marks.read(marks.write(version("valkey 9.1.2"))) == version("valkey 9.1.2")


def test_a_server_gets_no_variables_of_the_application() -> None:
    ours = {"PATH": "/bin", "LD_LIBRARY_PATH": "/lib", "REDIS_URL": "redis://:secret@h", "LC_ALL": "xx", "MYPATH": "1"}
    assert layout.environment(ours) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/lib", "LC_ALL": "C"}


def test_a_socket_is_reached_by_a_path_that_fits() -> None:
    assert layout.socket_path("/a", 7, has_descriptor_paths=True) == "/a/server.sock"
    fits, too_long = "/" + "ö" * 45, "/" + "ö" * 46
    assert layout.socket_path(fits, 7, has_descriptor_paths=True) == f"{fits}/server.sock"
    assert layout.socket_path(too_long, 7, has_descriptor_paths=True) == "/proc/self/fd/7/server.sock"
    assert layout.socket_path(too_long, 7, has_descriptor_paths=False) is None
