"""Files and folders that comments, docstrings, pages and the Makefile name are there."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from supply.sbom import ROOT

FOLDERS = ("interval_scheduler", "tests", "docs", "benchmarks", "supply", "requirements")
#: By the ends of their names, so that `run.py` and `execution/run.py` are both found.
FILES = [path for path in ROOT.iterdir() if path.is_file()] + [
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if not {"__pycache__", "node_modules"} & {*path.parts}
]
PATHS = [f"/{path.relative_to(ROOT)}" for path in FILES] + [f"/{folder}" for folder in FOLDERS]

FILE = re.compile(r"(?<![\w./*<>{}$-])(?:\.\./)*((?:[\w*-]+/)*[\w*-]+\.(?:py|lua|md|toml|txt|c))\b(?![<({/])")
FOLDER = re.compile(r"`((?:[\w-]+/)+)`|(?<![\w./-])((?:tests|docs|requirements)/[\w-]+)(?![\w./*<-])")
#: Of the user's project, made by a command, or of a peer.
ELSEWHERE = {"conftest.py", "feeds.py", "lowest.txt", "dist/", "build/", "benchmarks/results/", "node_modules/"}


def prose(path: Path) -> str:
    """What a file says to its readers; its code does not count, a test would notice that."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)
    if path.suffix == ".lua":
        return "\n".join(re.findall(r"--.*", text))
    if path.suffix == ".py":
        # A string that begins a line is a docstring, or explains the attribute above it.
        return "\n".join(
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT
            or (
                token.type == tokenize.STRING
                and token.string.startswith('"""')
                and token.line.lstrip().startswith('"""')
            )
        )
    return text


def dangling(text: str) -> Iterator[str]:
    """What a text names and is not there."""
    for found in FILE.findall(text):
        if found not in ELSEWHERE and not any(fnmatch(path, f"*/{found}") for path in PATHS):
            yield found
    for pair in FOLDER.findall(text):
        found = pair[0] or pair[1]
        if found not in ELSEWHERE and not any(
            f"/{found.rstrip('/')}" == path[-len(found.rstrip("/")) - 1 :] for path in PATHS
        ):
            yield found


READ = [path for path in FILES if path.suffix in {".py", ".lua", ".md"} or path.name == "Makefile"]


def test_what_is_named_is_there() -> None:
    found = {str(path.relative_to(ROOT)): [*dangling(prose(path))] for path in READ}
    assert {path: gone for path, gone in found.items() if gone} == {}


@pytest.mark.parametrize(
    "text", ["see gone.py", "`storage/gone/`", "`tests/gone`", "execution/keys.py", "[It](gone.md)"]
)
def test_what_is_not_there_is_noticed(text: str) -> None:
    assert list(dangling(text))


def test_what_is_there_is_found() -> None:
    text = "`execution/run.py`, keys.py, [here](docs/guarantees.md#words), `tests/unit`, `storage/`, `lua/*.lua`"
    assert len(FILE.findall(text)) + len(FOLDER.findall(text)) == 6
    assert list(dangling(text)) == []
