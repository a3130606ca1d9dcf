"""Commands as processes of their own, forked from one that has loaded them: to load them takes nine tenths of the time.

What is asked of the start itself, and each command once, begins with a new interpreter instead.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

#: Neither this process nor its threads are copied, but one that does nothing else.
_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.cli.loaded"])


def run_forked(
    words: Sequence[str], given: bytes, environment: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    """Run a command to its end: its exit code, and what it wrote to stdout and to stderr.

    Raises:
        TimeoutError: it did not end in time, and was killed.
    """
    with tempfile.TemporaryDirectory(prefix="interval-scheduler-command-") as name:
        folder = Path(name)
        (folder / "in").write_bytes(given)
        process = _CONTEXT.Process(target=_become, args=(folder, Path.cwd(), words, environment))
        process.start()
        process.join(seconds)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        process.close()
        out, err = ((folder / file).read_text(encoding="utf-8") for file in ("out", "err"))
    if code is None:
        raise TimeoutError(f"{words} did not end within {seconds} s: {out} {err}")
    return code, out, err


def _become(folder: Path, at: Path, words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Be the command: its streams, its folder, its environment, its words."""
    from interval_scheduler.cli import main

    for number, (file, flags) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY))):
        os.dup2(os.open(folder / file, flags | os.O_CREAT), number)
    sys.stdin, sys.stdout = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8")  # noqa: SIM115 - until it ends
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    os.chdir(at)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["interval-scheduler", *words]
    main()
