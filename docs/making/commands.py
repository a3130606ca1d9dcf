"""The commands on docs/cli.md, from the golden files that hold the help of each.

`python -m tests.cli.helps` renews these files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from docs.making.parts import BadPage
from interval_scheduler.cli.app import COMMANDS
from interval_scheduler.cli.frame.lazy_group import SECTIONS

GOLDEN: Final = Path(__file__).parents[2] / "tests" / "cli" / "golden"
#: With this option begin those that every command has; the page tells of them once.
_COMMON: Final = "\n  --redis URL "


def commands() -> str:
    """Return the help of all commands, by sections.

    Raises:
        BadPage: a golden file is missing.
    """
    parts = []
    for section in SECTIONS:
        for name, (of, _, _) in COMMANDS.items():
            if of == section:
                parts += [_command(file) for file in (GOLDEN / f"{name}.txt", *sorted(GOLDEN.glob(f"{name}.*.txt")))]
    return "\n".join(parts)


def _command(file: Path) -> str:
    if not file.exists():
        raise BadPage(f"{file} is missing: run python -m tests.cli.helps")
    text = file.read_text(encoding="utf-8").partition(_COMMON)[0].removesuffix("\n\nOptions:")
    return f"### {file.stem.replace('.', ' ')}\n\n```text\n{text.strip()}\n```\n"
