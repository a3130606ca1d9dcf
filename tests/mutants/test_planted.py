"""The list of planted bugs stays true: each can still be planted, and names tests that there are."""

from __future__ import annotations

import pytest

from . import ALL
from .planted import Planted


def test_each_can_be_planted() -> None:
    assert {bug.name: problem for bug in ALL if (problem := bug.problem())} == {}


def test_there_are_enough_of_them_and_no_two_alike() -> None:
    assert len({bug.name for bug in ALL}) == len(ALL) >= 40
    assert len({(bug.file, bug.text, bug.instead) for bug in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("text", "instead", "test", "problem"),
    [
        ("no such text", "", "unit/test_keys.py::test_no_two_partitions_share_a_key", "0 times instead of once"),
        ("self", "", "unit/test_keys.py::test_no_two_partitions_share_a_key", "times instead of once"),
        ("class Keys:", "class Keys:", "unit/test_keys.py::test_no_two_partitions_share_a_key", "changes nothing"),
        ("class Keys:", "class Key:", "unit/test_keys.py::test_that_is_gone", "no test"),
        ("class Keys:", "class Key:", "unit/test_gone.py::test_that_is_gone", "no test"),
    ],
)
def test_what_cannot_be_planted_is_told(text: str, instead: str, test: str, problem: str) -> None:
    found = Planted("a bug", "storage/scripts/keys.py", text, instead, (f"tests/{test}",)).problem()
    assert found is not None
    assert problem in found
