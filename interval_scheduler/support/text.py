"""Texts of the application, such as those of its errors, made fit for one line of a log. Pure functions."""

from __future__ import annotations

from typing import Final

from .guests import ends_process, leaves

#: The most characters of an error's description; Redis keeps it for dead and failing tasks.
MAX_DESCRIPTION: Final = 1000


def one_line(text: str) -> str:
    """Return a text with everything escaped that is not printable, so that it cannot forge lines of a log.

    Line ends, escape codes of terminals and marks that change the direction of writing are among these.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def describe(error: BaseException) -> str:
    """Describe an error in one line of at most `MAX_DESCRIPTION` characters, whatever its `__str__` does.

    A group is described with all errors in it.
    """
    if not isinstance(error, BaseExceptionGroup):
        return _describe_one(error)
    text = f"{_describe_one(error)}: "
    for count, leaf in enumerate(leaves(error)):
        text += f"{'; ' if count else ''}{_describe_one(leaf)}"
        if len(text) > MAX_DESCRIPTION:
            break
    return text[:MAX_DESCRIPTION]


def _describe_one(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)[:MAX_DESCRIPTION]
    except BaseException as broken:  # noqa: BLE001 - the application's error, whatever it raises
        if (fatal := ends_process(broken)) is not None:
            raise fatal from None
        return name
    return one_line(f"{name}: {text}")[:MAX_DESCRIPTION] if text else name
