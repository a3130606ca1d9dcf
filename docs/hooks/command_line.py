"""The commands on docs/cli.md, made at build time of the golden files that hold the help of each.

They stand in the page too, between two comments, for those who read it as plain Markdown. To renew both there:
`python -m tests.cli.helps`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.exceptions import PluginError

from interval_scheduler.cli.app import COMMANDS
from interval_scheduler.cli.frame.lazy_group import SECTIONS

GOLDEN: Final = Path(__file__).parents[2] / "tests" / "cli" / "golden"
PAGE: Final = Path(__file__).parents[1] / "cli.md"
_PLACE: Final = re.compile(r"(<!-- commands -->\n).*?(<!-- end of commands -->)", re.DOTALL)
#: With this option begin those that every command has; the page tells of them once.
_COMMON: Final = "\n  --redis URL "


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the commands into the page that asks for them (called by MkDocs)."""
    return with_help(markdown)


def with_help(markdown: str) -> str:
    """Return a page with the help of all commands between its two comments, in the place of what was there."""
    return _PLACE.sub(lambda found: found[1] + "\n" + _commands() + "\n" + found[2], markdown)


def _commands() -> str:
    parts = []
    for section in SECTIONS:
        for name, (of, _, _) in COMMANDS.items():
            if of == section:
                parts += [_command(file) for file in (GOLDEN / f"{name}.txt", *sorted(GOLDEN.glob(f"{name}.*.txt")))]
    return "\n".join(parts)


def _command(file: Path) -> str:
    if not file.exists():
        raise PluginError(f"{file} is missing: run python -m tests.cli.helps")
    text = file.read_text(encoding="utf-8").partition(_COMMON)[0].removesuffix("\n\nOptions:")
    return f"### {file.stem.replace('.', ' ')}\n\n```text\n{text.strip()}\n```\n"
