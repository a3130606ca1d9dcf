"""The source tree of the package, as `ast` reads it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import interval_scheduler

Found = TypeVar("Found")

ROOT = Path(interval_scheduler.__file__).parent
PACKAGE = "interval_scheduler"


class Module:
    """One Python file of the package."""

    def __init__(self, path: Path) -> None:
        self.path = path
        parts = path.relative_to(ROOT).with_suffix("").parts
        #: Its name below the package, e.g. `storage.keys`; the package itself is `__init__`.
        self.name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    def imports(self) -> Iterator[str]:
        """The full name of everything imported, in functions and for types too; `a.b.c` for `from a.b import c`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{self._base(node)}.{alias.name}" for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        # One dot is the folder of this file, each further one its parent.
        folder = (PACKAGE, *self.path.relative_to(ROOT).parts[:-1])
        kept = folder[: len(folder) - node.level + 1]
        return ".".join((*kept, node.module) if node.module else kept)

    def strings(self) -> Iterator[str]:
        """All string constants that are no docstrings."""
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and id(node) not in docstrings:
                if isinstance(node.value, str):
                    yield node.value
                elif isinstance(node.value, bytes):
                    yield node.value.decode("latin-1")


MODULES = {module.name: module for module in map(Module, sorted(ROOT.rglob("*.py")))}


def offenders(breaks: Callable[[Module], Found]) -> dict[str, Found]:
    """What breaks a rule, by the name of the module; modules for which nothing is found are left out.

    A rule is one test, and names all that break it: a test for each module and rule would be thousands.
    """
    return {name: found for name, module in MODULES.items() if (found := breaks(module))}
