"""How `run` starts, and what it says when it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from interval_scheduler.cli.process.target import BadTarget, worker_of
from tests.cli.running import APP, Run, running
from tests.servers import RedisServer, free_port

SECRET = "hidden-word"


def ended(folder: Path, *words: str, app: str = APP, **environment: str) -> Run:
    """Run the command to its end."""
    with running(folder, *words, app=app, **environment) as run:
        run.code()
        return run


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "Missing argument 'TARGET'"),
        (["--reload", "app:worker"], 2, "the target stands before --reload"),
        (["tasks"], 2, "it must be module:attribute, such as app.jobs:worker, not 'tasks'."),
        (["nowhere:worker", "--processes", "3"], 78, "There is no module 'nowhere' in "),
        (["app:worker", "--redis", "http://localhost"], 78, "url must start with one of redis://"),
        (["app:worker", "--only", "mail,other"], 78, "names 'mail', which has no executor here"),
        (["app:worker", "--health", "\udcff:80"], 78, "the name of its host cannot be one"),
        (["app:worker", "--health", "99999"], 78, "it must be PORT, HOST:PORT or unix:PATH"),
    ],
)
def test_what_cannot_be_run_is_told_once(words: list[str], code: int, said: str, tmp_path: Path) -> None:
    run = ended(tmp_path, *words)
    assert run.process.returncode == code, run.said
    assert run.said.count(said) == 1, run.said
    assert "Traceback" not in run.said
    assert "so all processes end" not in run.said, "the process itself has told why"


def test_what_ends_the_command_is_a_line_of_its_log(tmp_path: Path) -> None:
    run = ended(tmp_path, "app:worker", "--health", "99999", "--log-format", "json")
    (line,) = run.logged()
    assert (line["level"], run.process.returncode) == ("error", 78)
    assert "it must be PORT" in line["message"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module with the application, in the current folder."""
    name = f"app_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield name
    sys.path[:] = before
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("target", "queue", "said"),
    [
        ("app.py", None, "must be module:attribute"),
        ("{module}:", None, "must be module:attribute"),
        ("{module}.more:worker", None, "There is no module"),
        ("{module}:other", None, "has no other. It has the workers: worker."),
        ("{module}:worker", "mail", "--only chooses queues of a worker"),
        ("{module}:work", None, "say where Redis is by --redis URL"),
        ("{module}:VERSION", None, "is of the type int: it must be a Worker"),
        ("{module}:kind", None, "is an executor that a worker has bound"),
        ("{module}:os.getpid", None, "must return a Worker, not int"),
    ],
)
def test_what_is_no_target_is_told(module: str, target: str, queue: str | None, said: str) -> None:
    with pytest.raises(BadTarget) as caught:
        worker_of(target.format(module=module), queue, has_urls=False)
    assert said in caught.value.message
    assert caught.value.code == 78
    worker = worker_of(f"{module}:worker", None, has_urls=False)
    assert [kind.queue for kind in worker.kinds] == [None, "other"]
    assert [kind.queue for kind in worker_of(f"{module}:work", "mail", has_urls=True).kinds] == ["mail"]


def test_an_error_of_the_application_has_its_own_frames_only(tmp_path: Path) -> None:
    (tmp_path / "deeper.py").write_text("def fail():\n    raise LookupError('of the application')\n")
    run = ended(tmp_path, "app:worker", "--processes", "3", app="import deeper\n\ndeeper.fail()\n")
    assert run.process.returncode == 78
    frames = [line.strip() for line in run.lines if line.strip().startswith("File ")]
    assert frames == [
        f'File "{tmp_path}/app.py", line 3, in <module>',
        f'File "{tmp_path}/deeper.py", line 2, in fail',
    ]
    assert run.said.count("LookupError: of the application") == 1
    run = ended(tmp_path, "app:make", app="import sys\n\ndef make():\n    sys.exit('no')\n")
    assert run.process.returncode == 78
    assert "app:make failed to make the worker" in run.said
    assert f'File "{tmp_path}/app.py", line 4, in make' in run.said
    run = ended(tmp_path, "app:worker", app="worker = (\n")
    assert (run.process.returncode, "SyntaxError" in run.said) == (78, True)


def test_a_server_that_is_away_or_refuses(tmp_path: Path, own_server: Callable[..., RedisServer]) -> None:
    away = ended(tmp_path, "app:worker", "--redis", f"redis://:{SECRET}@127.0.0.1:{free_port()}/0")
    assert away.process.returncode == 69, away.said
    assert SECRET not in away.said
    refusing = own_server(rights=[">password", "on", "+ping", "~nothing"])
    run = ended(tmp_path, "app:worker", "--redis", refusing.url)
    assert run.process.returncode == 77, run.said
    assert "password" not in run.said


def test_no_secret_is_seen(own_server: Callable[..., RedisServer], tmp_path: Path) -> None:
    url = f"redis://:{SECRET}@127.0.0.1:{own_server(requirepass=SECRET).port}/0"
    (tmp_path / "urls").write_text(url)
    words = ("app:worker", "--redis-file", "urls", "--log-level", "debug", "--log-format", "json")
    with running(tmp_path, *words) as run:
        run.up(1)
        for pid in (run.process.pid, *run.living):
            for name in ("cmdline", "environ"):
                assert SECRET not in Path(f"/proc/{pid}/{name}").read_bytes().decode("latin-1")
        assert SECRET not in run.said
        assert {"time", "level", "logger", "pid", "message"} == set(run.logged()[-1])


FUNCTIONS = """
from interval_scheduler.worker import Worker

async def work(data):
    with open("ledger", "a") as ledger:
        ledger.write(f"end {data} 0 0\\n")

def make():
    worker = Worker()
    worker.executor("mail")(work)
    return worker
"""


@pytest.mark.parametrize(
    "words", [["app:work", "--queue", "mail"], ["app:make", "--only", "mail", "--json", "--quiet", "--timeout", "20s"]]
)
def test_a_function_can_be_run(redis_server: RedisServer, namespace: str, tmp_path: Path, words: list[str]) -> None:
    with (
        running(tmp_path, *words, "--redis", redis_server.url, "-n", namespace, app=FUNCTIONS) as run,
        BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
    ):
        scheduler.queue("mail").assign_task(IntervalTask("t", "payload"))
        run.until(lambda: run.times("end")["payload"] == 1)
        if "--quiet" in words:
            run.until(run.logged)  # what it says comes by another way than the end of a run
            assert {line["level"] for line in run.logged()} == {"warning"}, "the server keeps nothing on a disk"
