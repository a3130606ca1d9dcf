"""What `make ten-million` measures, with two thousand tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import many, resizing
from benchmarks.bench import Bench
from benchmarks.measuring import Kept
from benchmarks.ten_million import ASSIGN, DISPATCH, PARTS, measured, page
from interval_scheduler.storage.scripts import loader

COUNT = 2_000
KEPT = {"per_second": 7.0, "process_mb": 1.0, "server_mb": 2.0, "server_rss_mb": 3.0}


@pytest.fixture(scope="module")
def full() -> Iterator[Bench]:
    """A server with all tasks."""
    with Bench() as bench:
        assert many.assign(bench.urls[0], COUNT)["per_second"] > 0
        yield bench


def test_a_thousand_tasks_share_a_tag() -> None:
    ids = [many.task_id(n) for n in range(200_000)]
    assert len(set(ids)) == len(ids)
    assert sum(name.startswith("{tenant-0}") for name in ids) == many.SHARE
    assert sum(name.startswith("{") for name in ids) == 2 * many.SHARE


def test_calls_are_timed(full: Bench) -> None:
    url = full.urls[0]
    for found in (
        many.first_page(url),
        many.pages_in_the_middle(url),
        many.search_by_tag(url),
        many.overview(url, COUNT),
    ):
        assert 0 < found["p50_ms"] <= found["longest_ms"]
        assert found["process_mb"] > 1
    synced = many.sync_a_tag(url)
    assert synced["p50_ms"] > 0
    assert synced["all_changed_p50_ms"] > 0


def test_all_tasks_are_exported_and_audited(full: Bench) -> None:
    url = full.urls[0]
    assert many.export(url, COUNT)["bytes_per_task"] > 100
    assert many.audit(url, COUNT)["per_second"] > 0


def test_the_slowest_command_is_named(full: Bench) -> None:
    full.reset_slow_log()
    assert full.slowest_command_ms() == {}
    with full.server.client() as client:
        client.config_set("slowlog-log-slower-than", 0)
        client.info()
        assert full.slowest_command_ms() == {}  # those are of the measurement itself
        client.script_load(loader.SIZE.text)
        full.reset_slow_log()
        client.config_set("slowlog-log-slower-than", 0)
        client.evalsha(loader.SIZE.sha, 4, "due", "leased", "paused", "groups")
        assert list(full.slowest_command_ms()) == ["size"]
    full.reset_slow_log()


def test_what_is_kept_is_not_measured_again(tmp_path: Path) -> None:
    kept = Kept("ten-million", {}, tmp_path)
    for title in (ASSIGN, DISPATCH, *(title for _, _, title in PARTS[:-1])):
        kept.put(title, KEPT)
    with Bench(**resizing.settings()) as bench:
        found = measured(bench, kept, COUNT)
    audit = PARTS[-1][-1]
    assert {title for title, figures in found.items() if figures != KEPT} == {audit}
    assert found[audit]["server_mb"] > 0
    text = page(found, COUNT, {"cores": "2"})
    assert "# 2,000 tasks on one server" in text
    assert f"| {ASSIGN} | per second: 7 | 1, 2 (3) | " in text
