"""Completion in three shells, and what is said about a mistyped command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import DEADLINE_SECONDS, run_command

#: How the script of each shell names its function, and hands the words over.
MARKS = {"bash": "complete -o nosort -F", "zsh": "#compdef interval-scheduler", "fish": "complete --no-files --command"}


@pytest.mark.parametrize("shell", MARKS)
def test_the_script_of_each_shell(shell: str) -> None:
    printed = run_command("completion", shell)
    assert (printed.code, printed.err) == (0, "")
    assert MARKS[shell] in printed.out
    assert f"_INTERVAL_SCHEDULER_COMPLETE={shell}_complete" in printed.out
    # Before its version 8.4.1, click has one more line end here.
    assert run_command(_INTERVAL_SCHEDULER_COMPLETE=f"{shell}_source").out.rstrip() == printed.out.rstrip()


def test_no_other_shell() -> None:
    assert run_command("completion", "cmd").code == 2


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["fai"], ["failing"]),
        (["dead", ""], ["list", "show"]),
        (["list", "--sta"], ["--state"]),
        (["list", "--state", "p"], ["paused"]),
        (["list", "--columns", "id,gro"], ["id,group"]),
        (["nothing", ""], []),
    ],
)
def test_words_are_completed(words: list[str], completed: list[str]) -> None:
    assert set(completed) <= set(_asked("bash", words))


def _asked(shell: str, words: list[str]) -> list[str]:
    asked = run_command(
        _INTERVAL_SCHEDULER_COMPLETE=f"{shell}_complete",
        COMP_WORDS=" ".join(["interval-scheduler", *words]),
        COMP_CWORD=str(len(words)),
    )
    assert (asked.code, asked.err) == (0, "")
    return [line.partition(",")[2] for line in asked.out.splitlines()]


def test_a_shell_completes(tmp_path: Path) -> None:
    program = tmp_path / "interval-scheduler"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m interval_scheduler.cli "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(run_command("completion", "bash").out)
    typed = (
        f"source {tmp_path}/script; COMP_WORDS=(interval-scheduler sched); COMP_CWORD=1;"
        " _interval_scheduler_completion interval-scheduler; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", typed],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert done.stdout == "schedulers\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["deadd"], "There is no command 'deadd'. Did you mean 'dead'?"),
        (["dead", "liste"], "There is no command 'liste'. Did you mean 'list'?"),
        (["xyzzy"], "There is no command 'xyzzy'.\n"),
    ],
)
def test_the_nearest_command_is_named(words: list[str], says: str) -> None:
    ended = run_command(*words)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
