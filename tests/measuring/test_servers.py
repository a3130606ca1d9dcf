"""What `make bench-servers` measures, in small, and what it says of it."""

from __future__ import annotations

from benchmarks.kinds import FIRST, Kind, kinds
from benchmarks.measuring import Medians
from benchmarks.servers import PERSISTENCE, allocator, at_random, dispatch, page, suite
from tests.servers import binaries, default_binary

SERVERS = [Kind("first", "/bin/first"), Kind("second", "/bin/second", "/lib/jemalloc.so")]


def test_what_is_at_hand_is_found() -> None:
    found = {kind.name: kind for kind in kinds({"mine": default_binary()})}
    assert found["mine"].binary == default_binary()
    if "path" in binaries():
        assert next(iter(found)) == FIRST
    for name, kind in found.items():
        assert kind.version.split()[0] in {"Redis", "Valkey"}, name
        assert bool(kind.preload) <= kind.uses_libc


def test_each_allocator_is_told() -> None:
    for kind in kinds({}):
        told = allocator(kind)
        assert told.startswith("libjemalloc" if kind.preload else ("libc" if kind.uses_libc else "jemalloc")), kind


def test_each_work_is_done_on_each_server() -> None:
    measurements = suite(SERVERS, 10, 20)
    assert [each.title for each in measurements] == [
        "first: dispatch",
        "second: dispatch",
        "first: at_random",
        "second: at_random",
        *(f"first: {setting}" for setting in PERSISTENCE),
    ]
    preloaded = measurements[1].arguments["server"]
    assert preloaded == {"binary": "/bin/second", "environment": {"LD_PRELOAD": "/lib/jemalloc.so"}}
    assert measurements[-1].arguments["server"]["appendfsync"] == "always"


def test_figures_are_those_of_a_real_server() -> None:
    found = at_random(600, {"binary": default_binary()})
    assert 100 < found["bytes_per_task"] < 2_000
    assert min(found.values()) > 0
    kept = dispatch(200, {"binary": default_binary(), **PERSISTENCE["appendfsync always"]})
    assert min(kept.values()) > 0


def test_the_first_is_what_others_are_compared_with() -> None:
    one = {"per_second": 100_000.0, "redis_cpu_us": 5.0, "assigned_per_second": 80_000.0, "bytes_per_task": 231.0}
    half = {name: value / 2 for name, value in one.items()}
    medians: Medians = {f"{kind}: {work}": one for kind in ("first", "second") for work in ("dispatch", "at_random")}
    medians["second: at_random"] = half
    medians |= {f"first: {setting}": half for setting in PERSISTENCE}
    medians["first: no append-only file"] = one
    text = page(medians, {"first": ("Redis 7", "jemalloc"), "second": ("Valkey 9", "libc")}, 3, {"cores": "2"})
    assert "| first | Redis 7 | jemalloc | 100,000 (1.00) | 5 (1.00) | 100,000 (1.00) |" in text
    assert "| second | Valkey 9 | libc | 100,000 (1.00) | 5 (1.00) | 50,000 (0.50) | 2.5 (0.50) |" in text
    assert "| appendfsync always | 50,000 (0.50) | 40,000 (0.50) |" in text
