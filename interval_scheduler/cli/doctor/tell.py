"""Tells what the doctor found: in paragraphs on a terminal, a line each in a pipe, or as JSON."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Final

import click

from ..frame.settings import Settings
from ..output.output import Output
from .diagnosis import Diagnosis

_COLUMNS: Final = ("severity", "kind", "queue", "partition", "fact", "advice")
_COLORS: Final = {"problem": "red", "warning": "yellow"}
_WIDEST: Final = 110


def tell(settings: Settings, found: Sequence[Diagnosis]) -> None:
    """Write what was found, and a summary to stderr."""
    out = Output(settings)
    if out.is_terminal:
        width = min(_WIDEST, shutil.get_terminal_size().columns)
        for each in found:
            out.write(_paragraph(out, each, width, color=settings.color))
    elif found or settings.as_json:
        out.rows(_COLUMNS, ([getattr(each, name) for name in _COLUMNS] for each in found), found)
    out.say(summary(found))


def summary(found: Sequence[Diagnosis]) -> str:
    """Return how much was found."""
    if not found:
        return "Nothing is wrong."
    counts = {severity: sum(each.severity == severity for each in found) for severity in _COLORS}
    said = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    return " and ".join(said) + "."


def _paragraph(out: Output, each: Diagnosis, width: int, *, color: bool) -> str:
    indent = " " * 9
    fact = textwrap.fill(out.cell(f"{each.fact} [{each.kind}]"), width, subsequent_indent=indent, initial_indent=indent)
    advice = textwrap.fill(out.cell(each.advice), width, initial_indent=f"{indent}→ ", subsequent_indent=f"{indent}  ")
    severity = each.severity.ljust(len(indent))
    if color:
        return click.style(severity, fg=_COLORS[each.severity], bold=True) + fact[len(indent) :] + f"\n{advice}"
    return severity + fact[len(indent) :] + f"\n{advice}"
