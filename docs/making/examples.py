"""The code of the files in docs/examples, as blocks of the pages that explain them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from docs.making.parts import BadPage

_FOLDER: Final = Path(__file__).parents[1] / "examples"
#: What a block is marked with, by the end of the name of its file.
_LANGUAGES: Final = {".py": "py", ".service": "ini", ".yaml": "yaml"}


def example(name: str) -> str:
    """Return one file of `docs/examples` as a block of code, under its name.

    Raises:
        BadPage: there is no such file, or nobody knows the language of its code.
    """
    file = _FOLDER / name
    if not file.is_file() or file.suffix not in _LANGUAGES:
        raise BadPage(f"docs/examples has no {name} with an end among {', '.join(_LANGUAGES)}")
    code = file.read_text(encoding="utf-8").rstrip("\n")
    return f'```{_LANGUAGES[file.suffix]} title="{file.name}"\n{code}\n```'
