"""Takes from the files of shared Lua functions what a script needs, and nothing else.

Redis makes each function of a script anew whenever the script is called, and a script has 200 local names at the most.
So a shared file is taken apart: each of its functions and constants is a piece, with the comments before it. A script
gets the pieces that it names, and those that these name, in the order of the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_OPENING: Final = re.compile(r"local (?:function (\w+)|((?:\w+, )*\w+)(?: =|$))")
_COMMENT: Final = re.compile(r"--.*")


class BadPiece(Exception):
    """A file of shared functions has something else than functions, constants and comments at its left margin."""


class Piece(NamedTuple):
    """A function or constant of a shared file.

    Attributes:
        names: the names that it defines.
        used: the names in it.
        text: its lines, with the comments before it.
    """

    names: frozenset[str]
    used: frozenset[str]
    text: str


def names_in(code: str) -> frozenset[str]:
    """Find all names in Lua code, comments aside."""
    return frozenset(_NAME.findall(_COMMENT.sub("", code)))


def pieces_of(source: str) -> list[Piece]:
    """Take the source of a shared file apart.

    Raises:
        BadPiece: a line at the left margin begins neither a function nor a constant nor a comment, nor ends one.
    """
    pieces: list[Piece] = []
    comments: list[str] = []
    lines: list[str] = []
    names: frozenset[str] = frozenset()

    def end() -> None:
        if lines:
            text = "".join(lines)
            pieces.append(Piece(names, names_in(text) - names, text))
        lines.clear()

    for line in source.splitlines(keepends=True):
        opening = _OPENING.match(line)
        if opening:
            end()
            names = frozenset([opening[1]] if opening[1] else opening[2].split(", "))
            lines += [*comments, line]
            comments.clear()
        elif line.startswith("--") or not line.strip():
            comments.append(line)
        elif line[0].isspace() or line.rstrip() in ("end", "}"):
            lines += [*comments, line]  # blank lines and comments inside of a function
            comments.clear()
        else:
            raise BadPiece(line)
    end()
    return pieces


def link(shared: Sequence[Piece], code: str) -> str:
    """Return the text of the pieces that code needs, in their order."""
    needed, taken = set(names_in(code)), set[int]()
    while more := [n for n, piece in enumerate(shared) if n not in taken and piece.names & needed]:
        taken.update(more)
        needed.update(*(shared[n].used for n in more))
    return "".join(piece.text for n, piece in enumerate(shared) if n in taken)
