"""Plant each bug in a copy of the project, one at a time, and see that its tests notice: `python -m tests.mutants`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import ALL
from .planted import ROOT, Planted

#: A bug may make a test hang, which is noticed as well.
LONGEST_SECONDS: Final = 120
#: What a bug keeps from happening is not waited for as long as elsewhere.
_PATIENCE_SECONDS: Final = 10
#: The exit code of pytest where tests ran and some failed; any other says that they could not be run.
_FAILED: Final = 1
_LEFT_OUT: Final = (".git", ".venv*", "site", "dist", "build", "__pycache__", ".*_cache", ".hypothesis")

Verdict = Literal["caught", "caught by the time-out", "SURVIVED", "NOT TRIED"]


@dataclass(frozen=True)
class Outcome:
    """What became of a planted bug, and what pytest said."""

    verdict: Verdict
    said: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it was noticed."""
        return self.verdict.startswith("caught")


class Copy:
    """A copy of the project, in which bugs are planted and tests run."""

    def __init__(self, folder: Path) -> None:
        self._tree = folder / "tree"
        self._temporary = folder / "temporary"
        self._temporary.mkdir()
        shutil.copytree(ROOT, self._tree, ignore=shutil.ignore_patterns(*_LEFT_OUT))

    def run(self, tests: Sequence[str], seconds: float) -> tuple[int | None, str]:
        """Run tests: the exit code of pytest, `None` if it took too long, and what it said."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        # The copy comes before the installed package; what a test that is killed leaves behind goes with the copy.
        environment = os.environ | {
            "PYTHONPATH": str(self._tree),
            "TMPDIR": str(self._temporary),
            "TESTS_PATIENCE_SECONDS": str(_PATIENCE_SECONDS),
        }
        with subprocess.Popen(
            command,
            cwd=self._tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # with the servers that it started
                return None, process.communicate()[0]
        return process.returncode, said

    def plant(self, bug: Planted) -> Outcome:
        """Plant a bug, see whether its tests notice, and take it away again."""
        path = self._tree / bug.path
        before, times = path.read_text(encoding="utf-8"), path.stat()
        path.write_text(before.replace(bug.text, bug.instead), encoding="utf-8")
        try:
            code, said = self.run(bug.tests, LONGEST_SECONDS)
        finally:
            path.write_text(before, encoding="utf-8")
            # As it was, so that what Python has compiled of it holds again.
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        if code is None:
            return Outcome("caught by the time-out", said)
        if code == _FAILED:
            return Outcome("caught", said)
        return Outcome("SURVIVED" if code == 0 else "NOT TRIED", said)


def try_all(bugs: Sequence[Planted], console: Console, *, why: bool) -> bool:
    """Plant the bugs; whether all were noticed. With `why`, it says of each by what."""
    with tempfile.TemporaryDirectory(prefix="interval-scheduler-mutants-") as folder:
        copy = Copy(Path(folder))
        tests = sorted({test for bug in bugs for test in bug.tests})
        console.print(f"{len(tests)} tests without a bug ...")
        code, said = copy.run(tests, LONGEST_SECONDS * 5)
        if code != 0:
            console.print(said, markup=False, highlight=False)
            console.print("[red]The tests must pass before a bug is planted.")
            return False
        failures = 0
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        ) as progress:
            bar = progress.add_task("planting", total=len(bugs))
            for bug in bugs:
                began = time.monotonic()
                outcome = copy.plant(bug)
                failures += not outcome.is_well
                colour = "green" if outcome.is_well else "red"
                took = f"{time.monotonic() - began:.1f} s"
                progress.print(f"[{colour}]{outcome.verdict}[/] {took:>7}  {bug.name} [dim]({bug.path.name})")
                if why or outcome.verdict == "NOT TRIED":
                    progress.print(outcome.said, markup=False, highlight=False)
                progress.advance(bar)
    console.print(f"{len(bugs) - failures} of {len(bugs)} planted bugs were caught")
    return failures == 0


def main() -> int:
    """Run the gate; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="only the bugs with this in their name or file")
    parser.add_argument("--list", action="store_true", help="say what there is, and plant nothing")
    parser.add_argument("--why", action="store_true", help="show what the tests say of each bug")
    arguments = parser.parse_args()
    console = Console(soft_wrap=True)
    bugs = [bug for bug in ALL if arguments.only in f"{bug.name} {bug.path}"]
    if arguments.list:
        for bug in bugs:
            console.print(f"{bug.name} ({bug.path})", markup=False, highlight=False)
        return 0
    problems = [f"{bug.name}: {problem}" for bug in bugs if (problem := bug.problem())]
    for problem in problems:
        console.print(problem, markup=False, highlight=False, style="red")
    if problems or not bugs:
        return 1
    return 0 if try_all(bugs, console, why=arguments.why) else 1


if __name__ == "__main__":
    sys.exit(main())
