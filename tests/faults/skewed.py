"""The wall clock of a process of its own, which a test can move: by a small library that is preloaded into it."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clockshim.c")


class SkewedClock:
    """A wall clock that is off by as many seconds as one likes.

    Args:
        folder: where the library and the file with the offset go.
    """

    def __init__(self, folder: Path, seconds: float = 0) -> None:
        self._library = folder / "clockshim.so"
        self._offset = folder / f"offset-{seconds:g}"
        self.set(seconds)
        if not self._library.exists():
            compiler = shutil.which("cc")
            assert compiler is not None
            subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(self._library), str(SOURCE)], check=True)

    @staticmethod
    def is_possible() -> bool:
        """Whether there is a compiler."""
        return shutil.which("cc") is not None

    def set(self, seconds: float) -> None:
        """From now on the clock is off by so much."""
        if not self._offset.exists():
            self._offset.write_bytes(bytes(8))
        with self._offset.open("r+b") as file:
            file.write(struct.pack("=q", round(seconds * 1e6)))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to have this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_OFFSET_FILE": str(self._offset)}
