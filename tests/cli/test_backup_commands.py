"""`export` and `import` of a backup: complete files only, pipes, gzip, dry runs, and going on after a kill."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask, Scheduler
from interval_scheduler.cli.backup.apart import apart
from tests.cli.conftest import DEADLINE_SECONDS, Result, run_command
from tests.cli.half_way import at_work, behind, stopped_after
from tests.cli.inside import run_inside
from tests.cli.terminal import Terminal
from tests.clusters import RedisCluster
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

Command = Callable[..., Result]
START = 4_000_000_000


def fill(server: RedisServer, namespace: str, count: int = 1200) -> None:
    with BlockingScheduler.from_url(server.url, namespace=namespace) as scheduler:
        scheduler.assign_tasks(
            IntervalTask(f"t{n}", "ä" * 100, every=60, start=START + n, retries=2) for n in range(count)
        )


def tasks_in(text: str | bytes) -> list[Any]:
    return sorted(line for line in text.splitlines() if json.loads(line).get("id"))


def test_out_and_in(
    inside: Command, command: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    fill(redis_server, namespace)
    file, packed = tmp_path / "backup.jsonl", tmp_path / "backup.gz"
    ended = inside("export", str(file))
    assert (ended.code, ended.out, ended.err) == (0, f"1,200 tasks exported to {file}\n", "")
    told = json.loads(inside("export", str(packed), "--gzip", "--json").out)
    assert told == {"file": str(packed), "tasks": 1200, "left_out": 0}
    assert tasks_in(gzip.decompress(packed.read_bytes())) == tasks_in(file.read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.gz", "backup.jsonl"]
    some = inside("export", "--prefix", "t11").out
    assert len(tasks_in(some)) == 1 + 10 + 100
    elsewhere = {"INTERVAL_SCHEDULER_NAMESPACE": f"{namespace}-2"}
    assert inside("import", str(packed), "--dry-run", **elsewhere).out.startswith("1,200 would be restored, 0 skipped")
    with redis_server.client() as client:
        assert not list(client.scan_iter(f"*{namespace}-2*")), "a dry run makes no namespace"
    assert json.loads(command("import", "-", "--json", given=some, **elsewhere).out)["restored"] == 111
    ended = command("import", "-", "--dry-run", "--on-conflict", "replace", given=packed.read_bytes(), **elsewhere)
    assert ended.out == "1,089 would be restored, 0 skipped, 111 would be replaced\n"
    assert inside("import", str(packed), **elsewhere).out == "1,089 restored, 111 skipped, 0 replaced\n"
    assert tasks_in(inside("export", **elsewhere).out) == tasks_in(file.read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.gz", "backup.jsonl"], "and leaves no mark"


def test_the_queues_that_are_not_in_the_file_are_told(
    inside: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    with BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        scheduler.queue("mail").assign_task(IntervalTask("m", every=60, start=START))
        assert inside("export", "--queue", "mail").err == ""
        ended = inside("export", str(tmp_path / "file"))
        assert (ended.code, ended.out) == (0, f"0 tasks exported to {tmp_path / 'file'}\n")
        assert ended.err == "The queue 'mail' is not in it: export each with --queue NAME, into a file of its own.\n"
        scheduler.assign_task(IntervalTask("a", every=60, start=START))
        for number in range(11):
            scheduler.queue(f"q{number:02}").assign_task(IntervalTask("m", every=60, start=START))
        several = inside("export")
        assert len(tasks_in(several.out)) == 1
        assert several.err.startswith("The queues 'mail', 'q00', ")
        assert " and 2 more are not in it" in several.err


def test_from_three_partitions_into_a_cluster(own_server: Callable[..., RedisServer], tmp_path: Path) -> None:
    server, file = own_server(), str(tmp_path / "backup.jsonl")
    three = [word for db in range(3) for word in ("--redis", server.url_of(db))]
    with RedisCluster() as cluster:
        several = ["--redis", cluster.url_of(partitions=3)]
        with BlockingScheduler.from_url(*three[1::2]) as scheduler:
            scheduler.assign_tasks(IntervalTask(f"t{n}", every=60, start=START) for n in range(300))
        assert run_inside("export", file, *three).out.startswith("300 tasks exported")
        assert run_inside("import", file, *several, "--dry-run").out.startswith("300 would be restored")
        assert run_inside("import", file, *several).out.startswith("300 restored")
        assert run_inside("import", file, *several, "--dry-run").out.startswith("0 would be restored, 300 skipped")
        assert tasks_in(run_inside("export", *several).out) == tasks_in(Path(file).read_text())
        assert run_inside("bench", *several, "--tasks", "100", "--seconds", "0.1").code == 0
        assert run_inside("clear", "--yes", *several).out == "300 removed\n"
        assert run_inside("clear", "--yes", *three).out == "300 removed\n"


def test_a_backup_that_cannot_be_used(
    inside: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    fill(redis_server, namespace, 10)
    file = tmp_path / "bad"
    whole = inside("export").out.encode()
    cut, packed = whole.splitlines(keepends=True)[:-1], gzip.compress(whole)
    for content, code, words in (
        (packed[:-20], 2, "cannot be unpacked"),
        (b"x" * (3 << 20), 2, "must be at most"),
        (b"", 2, "is empty"),
        (cut[0] + b'{"id":"a"}\n', 2, "line 2 of the backup"),
        (b"".join(cut), 1, "was cut short"),
    ):
        file.write_bytes(content)
        for more in ((), ("--dry-run",)):
            ended = inside("import", str(file), *more)
            assert (ended.code, ended.out) == (code, ""), ended.err
            assert words in ended.err
            assert "Traceback" not in ended.err
            elsewhere = inside("import", str(file), "-n", f"{namespace}-new")
            assert elsewhere.code == code
        if code == 2:
            with redis_server.client() as client:
                assert not list(client.scan_iter(f"*{namespace}-new*")), "it makes no namespace"
    for given in (["import", str(tmp_path / "nowhere")], ["export", str(tmp_path / "no" / "folder")]):
        ended = inside(*given)
        assert (ended.code, ended.out) == (2, ""), ended.err
        assert "No such file or directory" in ended.err


@pytest.mark.asyncio
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_an_export_that_is_killed_leaves_no_half_file(
    redis_server: RedisServer, namespace: str, tmp_path: Path, kill: signal.Signals
) -> None:
    fill(redis_server, namespace, 15_000)
    file, part = tmp_path / "backup.jsonl", tmp_path / "backup.jsonl.part"
    file.write_text("the last good one\n")
    async with Proxy(redis_server.port) as proxy:
        proxy.rate = 100_000  # a link on which all of it takes half a minute
        words = ["export", str(file), "--redis", behind(proxy, redis_server), "-n", namespace, "--timeout", "60s"]
        async with at_work(*words) as process, asyncio.timeout(DEADLINE_SECONDS):
            await until(lambda: part.exists() and part.stat().st_size > 100_000, DEADLINE_SECONDS)
            process.send_signal(kill)
            code = await process.wait()
        assert code == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[kill]
        assert file.read_text() == "the last good one\n"
        assert part.exists() == (kill == signal.SIGKILL)
        proxy.rate = None
        again = await asyncio.to_thread(run_command, *words)
        assert again.code == 0, "what a killed process left is in nobody's way"
    assert len(tasks_in(file.read_bytes())) == 15_000
    assert not part.exists()


def test_two_exports_into_one_file(inside: Command, redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    fill(redis_server, namespace, 10)
    file = tmp_path / "backup.jsonl"
    with Path(f"{file}.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ended = inside("export", str(file))
        assert (ended.code, file.exists()) == (64, False)
        assert "another process writes it" in ended.err
    assert inside("export", str(file)).code == 0


def test_long_lines_are_not_read_ahead() -> None:
    read: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in range(50):
            read.append(number)
            yield b"x" * (1 << 20)

    async def look() -> None:
        async for _ in apart(lines()):
            break
        assert len(read) < 10, "a packed file of some kilobytes would fill the memory"
        assert len([line async for line in apart(lines())]) == 50

    asyncio.run(look())


def test_nothing_but_a_file_is_replaced(
    inside: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    fill(redis_server, namespace, 1)
    pipe, victim, file = tmp_path / "pipe", tmp_path / "victim", tmp_path / "backup.jsonl"
    os.mkfifo(pipe)
    ended = inside("export", str(pipe))
    assert (ended.code, pipe.is_fifo()) == (2, True), "so /dev/null stays what it is"
    assert "is no regular file" in ended.err
    victim.write_text("of somebody")
    part = Path(f"{file}.part")
    part.symlink_to(victim)
    assert inside("export", str(file)).code == 2
    assert victim.read_text() == "of somebody"
    part.unlink()
    os.mkfifo(part)
    assert inside("export", str(file)).code == 2, "and it does not wait for a reader"
    reader = os.open(part, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert "no regular file" in inside("export", str(file)).err
    finally:
        os.close(reader)
    part.unlink()
    victim.write_text("")
    file.symlink_to(victim)
    assert inside("export", str(file)).code == 0, "a link is replaced by the file"
    assert not file.is_symlink()


@pytest.mark.asyncio
async def test_an_import_that_was_killed_goes_on(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    fill(redis_server, namespace, 20_000)
    file = tmp_path / "backup.jsonl"
    assert run_command("export", str(file), "--redis", redis_server.url, "-n", namespace).code == 0
    other = f"{namespace}-2"
    mark = tmp_path / "backup.jsonl.restored"
    async with Proxy(redis_server.port) as proxy:
        proxy.drop_reply = stopped_after(proxy, file.stat().st_size // 2)
        words = ["import", str(file), "--redis", behind(proxy, redis_server), "-n", other, "--timeout", "60s"]
        async with at_work(*words):
            await until(mark.exists, DEADLINE_SECONDS)
        known = json.loads(mark.read_text())["tasks"]
        assert 0 < known < 20_000
        assert "://" in mark.read_text()
        proxy.drop_reply = lambda _: False
        proxy.swallowing = False
        async with Scheduler.from_url(redis_server.url, namespace=other) as scheduler:
            # What was restored may have run and gone since.
            assert await scheduler.remove_task(json.loads(file.read_text().splitlines()[1])["id"])
            ended = await asyncio.to_thread(run_command, *words, "--resume", "--json")
            assert ended.code == 0, ended.err
            assert f"{known:,} tasks of it are restored; going on with task {known + 1:,}" in ended.err
            counts = json.loads(ended.out)
            assert counts["restored"] + counts["skipped"] == 20_000 - known
            assert await scheduler.task_size() == 19_999, "it does not come again"
    assert not mark.exists()


def test_a_mark_is_of_one_file_and_one_place(
    inside: Command, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    fill(redis_server, namespace, 10)
    file, mark = tmp_path / "backup.jsonl", tmp_path / "backup.jsonl.restored"
    inside("export", str(file))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    assert inside("import", str(file)).code == 1
    kept = mark.read_text()
    assert json.loads(kept)["tasks"] == 10
    for other in (
        {"INTERVAL_SCHEDULER_NAMESPACE": f"{namespace}-2"},
        {"INTERVAL_SCHEDULER_REDIS": redis_server.url_of(1)},
    ):
        mark.write_text(kept)
        assert "nothing is known" in inside("import", str(file), "--resume", **other).err
    mark.write_text(kept)
    assert "10 tasks of it are restored" in inside("import", str(file), "--resume").err
    mark.write_text(kept)
    file.write_bytes(b"".join(lines))
    assert "nothing is known" in inside("import", str(file), "--resume").err


def test_the_progress_is_shown_on_a_terminal(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    fill(redis_server, namespace, 3000)
    file = str(tmp_path / "backup.jsonl")
    where = (file, "--redis", redis_server.url, "-n", namespace)
    for words, shown in (
        (["export", *where], "3,000 of 3,000 tasks exported"),
        (["import", *where, "--on-conflict", "replace"], "3,000 tasks, 100% of the file"),
    ):
        with Terminal(*words, columns=100, pipes_results=True, shows_at_once=True) as terminal:
            assert terminal.wait() == 0
            assert f"\r\x1b[K{shown}\r\x1b[K" in terminal.raw
            assert terminal.results().count("\n") == 1, "and the result alone is on stdout"
