"""Scripts get the shared functions that they need, and no others."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.linking import BadPiece, link, pieces_of
from interval_scheduler.storage.scripts.loader import Script

SHARED = """-- What the file is for.

local MOST, LEAST = 3, 1
local kept

-- Count.
local function count(list)
  -- not: unused()
  if #list > MOST then

    return MOST
  end
  return #list
end

local TABLE = {
  'a',
}

local function unused()
  return LEAST
end

-- Count twice.
local function twice(list)
  return 2 * count(list)
end
"""


def test_what_is_named_comes_with_what_that_names() -> None:
    text = link(pieces_of(SHARED), "return twice(kept)\n")
    assert [line for line in text.splitlines() if line.startswith("local")] == [
        "local MOST, LEAST = 3, 1",
        "local kept",
        "local function count(list)",
        "local function twice(list)",
    ]
    assert "-- Count twice." in text


def test_comments_name_nothing() -> None:
    assert link(pieces_of(SHARED), "return 1 -- twice\n") == ""


def test_nothing_of_a_file_is_lost() -> None:
    assert "".join(piece.text for piece in pieces_of(SHARED)) == SHARED


def test_two_definitions_of_a_name_are_both_taken() -> None:
    pieces = pieces_of("local A = 1\nlocal function f()\n  return A\nend\nlocal A = 2\n")
    assert link(pieces, "return f(), A\n").count("local A") == 2


@pytest.mark.parametrize("line", ["call('GET', 'key')", "MOST = 4", "if MOST then"])
def test_another_line_at_the_left_margin_is_refused(line: str) -> None:
    with pytest.raises(BadPiece, match="^" + line.split("(", maxsplit=1)[0]):
        pieces_of(SHARED + line + "\n")


@pytest.mark.parametrize("script", scripts.ALL, ids=lambda script: script.name)
def test_scripts_have_room_for_more_names(script: Script) -> None:
    """Lua allows 200 at the outermost level."""
    assert sum(line.startswith("local ") for line in script.text.splitlines()) < 180
