"""Bugs of what is made for the pages: parts that go stale, signatures and figures that say something else."""

from typing import Final

from .planted import Planted, tests_in

_MAKING: Final = "../docs/making"
_MADE: Final = "pages/test_made"
_SIGNATURES: Final = "pages/test_signatures"

ALL: Final = (
    Planted(
        "a default of an option changes, and no page tells",
        "config/options.py",
        "stuck_after_seconds: float = 60",
        "stuck_after_seconds: float = 61",
        tests_in(_MADE, "test_no_part_is_stale"),
    ),
    Planted(
        "a part without an end is left as it is",
        f"{_MAKING}/parts.py",
        "begin.start() not in whole",
        "begin.start() < 0",
        tests_in(_MADE, "test_a_part_that_cannot_be_made_is_told"),
    ),
    Planted(
        "a part is put behind the old one",
        f"{_MAKING}/parts.py",
        r'f"{begin}\n\n{makers',
        r'f"{found[0]}\n\n{makers',
        tests_in(_MADE, "test_a_part_that_was_changed_by_hand_is_made_anew"),
    ),
    Planted(
        "a signature shows what goes by name only as if it went by position",
        f"{_MAKING}/signatures.py",
        '            shown.append("*")\n',
        "            pass\n",
        tests_in(_SIGNATURES, "test_a_signature"),
    ),
    Planted(
        "a class that nobody makes shows how it is made",
        f"{_MAKING}/signatures.py",
        "if _tells_parameters(thing) else []",
        "if thing.parameters else []",
        tests_in(_SIGNATURES, "test_a_signature"),
    ),
    Planted(
        "the errors that a call raises are told as one",
        f"{_MAKING}/docstrings.py",
        'annotation.strip("()").split(",")',
        "[annotation]",
        tests_in(_SIGNATURES, "test_a_docstring"),
    ),
    Planted(
        "a peer is said to be as many times faster as it is slower",
        f"{_MAKING}/peers.py",
        "ours[key] / theirs[key]",
        "theirs[key] / ours[key]",
        tests_in(_MADE, "test_the_figures_beside_the_peers_are_those_that_were_measured"),
    ),
    Planted(
        "the search shows the list of scripts before the page that explains",
        f"{_MAKING}/search.py",
        '"lua.md": 0.1',
        '"lua.md": 10',
        tests_in("pages/test_site", "test_the_search_finds_the_right_page"),
    ),
)
