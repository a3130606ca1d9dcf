"""Other processes, which can be killed as a crash does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from types import TracebackType
from typing import Self


class Program:
    """A Python process that runs some code and prints lines; killed in the end at the latest."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)

    async def line(self, seconds: float = 60) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        reading = asyncio.to_thread(self._process.stdout.readline)
        try:
            return (await asyncio.wait_for(reading, seconds)).rstrip("\n")
        except TimeoutError:
            self.kill()  # ends the read, whose thread would be waited for otherwise
            raise

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
