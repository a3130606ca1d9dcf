"""Texts of the application as they can be read: what would not be seen, or would change what is around it, is escaped.

Pure functions.
"""

from __future__ import annotations

from itertools import groupby

from markupsafe import Markup, escape


def escaped(text: str, keep: str = "") -> str:
    r"""Return a text with escapes such as `\x07` and `\u202e` for all that has no shape of its own.

    Args:
        text: the text.
        keep: characters that stay as they are all the same.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _escape(each) for each in text)


def identity(text: str) -> Markup:
    """Return an id as HTML. Escapes look different from the same characters in the id, and its direction is its own."""
    shown = Markup().join(
        escape("".join(some)) if is_plain else Markup('<span class="escape">{}</span>').format(escaped("".join(some)))
        for is_plain, some in groupby(text, str.isprintable)
    )
    return Markup('<bdi class="id">{}</bdi>').format(shown)


def _escape(character: str) -> str:
    return ascii(character)[1:-1]
