"""Programs run as a user runs them: `python file ...`, with the warnings of Python as errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def command(file: Path, *arguments: str) -> list[str]:
    """How to start a Python file."""
    return [sys.executable, "-W", "error", str(file), *arguments]


def environment(**variables: str) -> dict[str, str]:
    """That of the tests, with these variables and the package of this tree; output is not held back."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}


def run(file: Path, *arguments: str, seconds: float, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a file to its end; fails if it takes longer."""
    return subprocess.run(
        command(file, *arguments),
        cwd=ROOT,
        env=environment(**variables),
        text=True,
        capture_output=True,
        timeout=seconds,
        check=False,
    )


def assert_succeeded(done: subprocess.CompletedProcess[str]) -> None:
    """Show what a program wrote if it failed; a complaint on stderr is a failure too."""
    assert (done.returncode, done.stderr) == (0, ""), f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
