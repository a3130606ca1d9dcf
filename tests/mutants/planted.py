"""The planted bugs, all of them: what is changed where, and the fewest and quickest tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "interval_scheduler"


@dataclass(frozen=True)
class Planted:
    """One bug.

    Attributes:
        name: what the library does with it.
        file: the file below the package.
        text: what stands there exactly once.
        instead: what is put there.
        tests: those that must turn red, as pytest wants them.
    """

    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The file below the root of the project."""
        return Path(PACKAGE, self.file)

    def problem(self, root: Path = ROOT) -> str | None:
        """Why it cannot be planted (the code, or a test, was changed); `None` if it can."""
        times = (root / self.path).read_text(encoding="utf-8").count(self.text)
        if times != 1:
            return f"{self.path} has {times} times instead of once: {self.text!r}"
        if self.text == self.instead:
            return "it changes nothing"
        for test in self.tests:
            file, _, function = test.partition("::")
            path = root / file
            if not path.exists() or f"def {function.partition('[')[0]}(" not in path.read_text(encoding="utf-8"):
                return f"there is no test {test}"
        return None


def tests_in(file: str, *functions: str) -> tuple[str, ...]:
    """Some tests of one file below `tests`."""
    return tuple(f"tests/{file}.py::{function}" for function in functions)


def lua(name: str, script: str, text: str, instead: str, tests: tuple[str, ...]) -> Planted:
    """A bug in a script."""
    return Planted(name, f"storage/scripts/lua/{script}.lua", text, instead, tests)
