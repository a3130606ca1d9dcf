"""Signatures and docstrings on docs/api.md, of a module that is made up for it."""

from __future__ import annotations

from pathlib import Path

import griffe
import pytest

from docs.making.docstrings import described
from docs.making.signatures import signature

CODE = '''
"""A module."""

class Base: ...

class Shelf(Base, ValueError):
    """A shelf.

    Args:
        width: how wide, in metres.
        height: how high.
    """

    def __init__(self, width: float, *, height: float = 1.0) -> None: ...

    @classmethod
    def of(cls, *names: str, **more: int) -> "Shelf":
        """Make one."""

    @property
    def area(self) -> float:
        """The area."""

class Held:
    """What one gets, and does not make.

    Attributes:
        name: its name.
    """

    name: str

    def __init__(self, secret: int) -> None: ...

def plain(first, /, second=1, *, third: str = 'x'): ...

async def long(the_first_of_all: int, the_second_of_all: str, the_third_of_all: bytes, last: int = 0) -> None:
    """Do it.

    A line::

        shelf = Shelf(1)

    Returns:
        Nothing, or a `Shelf` like `Held`.

    Raises:
        ValueError, TypeError: it is bad, as told
            in two lines.
    """

LIMIT = 5
'''

LONG = """async def long(
    the_first_of_all: int,
    the_second_of_all: str,
    the_third_of_all: bytes,
    last: int = 0,
) -> None"""


@pytest.fixture(scope="module")
def module() -> griffe.Module:
    return griffe.visit("made_up", Path("made_up.py"), CODE, docstring_parser=griffe.Parser.google)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Shelf", "class Shelf(width: float, *, height: float = 1.0)"),
        ("Held", "class Held"),
        ("Shelf.of", "@classmethod\ndef of(*names: str, **more: int) -> Shelf"),
        ("Shelf.area", "@property\ndef area() -> float"),
        ("plain", 'def plain(first, /, second=1, *, third: str = "x")'),
        (
            "long",
            LONG,
        ),
        ("LIMIT", "LIMIT = 5"),
    ],
)
def test_a_signature(module: griffe.Module, name: str, told: str) -> None:
    assert signature(module[name]) == told


def test_a_docstring(module: griffe.Module) -> None:
    assert described(module["long"]) == (
        "Do it.\n\nA line:\n\n    shelf = Shelf(1)\n\n"
        "**Returns**\n\n- `None`: Nothing, or a [`Shelf`](#shelf) like [`Held`](#held).\n\n"
        "**Raises**\n\n- `ValueError`, `TypeError`: it is bad, as told\n  in two lines."
    )


def test_what_a_thing_holds_is_told_with_its_type(module: griffe.Module) -> None:
    assert described(module["Held"]).endswith("**Attributes**\n\n- `name` (`str`): its name.")
