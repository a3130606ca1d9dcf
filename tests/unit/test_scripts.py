"""The loader of the Lua scripts: a header without one of its parts is found, and all headers are whole."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from importlib.resources import files

import pytest

from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import SHARED, Keys
from interval_scheduler.storage.scripts.loader import BadScriptHeader, Script, check_header, names_of

GOOD = """\
-- Do one thing.
-- KEYS: reply, due
-- KEYS taken: list, ids
-- KEYS... lock: string, one for each step
-- ARGV[1] dead limit: integer, how many tasks at most
-- ARGV[2...] ids: string
-- Returns: integer, how many there were
-- Guarantees: atomic; changes nothing.

return call('ZCARD', due_key) + ARGV[2]
"""

KEY_LINES = "-- KEYS: reply, due\n-- KEYS taken: list, ids\n-- KEYS... lock: string, one for each step\n"
ARGUMENT_LINES = "-- ARGV[1] dead limit: integer, how many tasks at most\n-- ARGV[2...] ids: string\n"

_folder = files("interval_scheduler.storage.scripts") / "lua"
NAMES = sorted(
    entry.name.removesuffix(".lua")
    for entry in _folder.iterdir()
    if entry.name.endswith(".lua") and not entry.name.startswith("_")
)


def source_of(name: str) -> str:
    return (_folder / f"{name}.lua").read_text(encoding="utf-8")


def test_a_whole_header_passes() -> None:
    assert check_header("good", GOOD) == (
        "Do one thing.",
        f"KEYS[1] reply: {SHARED['reply']}",
        f"KEYS[2] due: {SHARED['due']}",
        "KEYS[3] taken: list, ids",
        "KEYS[4...] lock: string, one for each step",
        "ARGV[1] dead limit: integer, how many tasks at most",
        "ARGV[2...] ids: string",
        "Returns: integer, how many there were",
        "Guarantees: atomic; changes nothing.",
    )


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("-- Do one thing.\n", "one sentence"),
        (KEY_LINES, "'KEYS'"),
        (ARGUMENT_LINES, "uses ARGV without"),
        ("-- Returns: integer, how many there were\n", "'Returns:'"),
        ("-- Guarantees: atomic; changes nothing.\n", "'Guarantees:'"),
    ],
)
def test_each_missing_part_is_found(part: str, says: str) -> None:
    assert part in GOOD
    with pytest.raises(BadScriptHeader, match=rf"^broken\.lua .*{says}"):
        check_header("broken", GOOD.replace(part, ""))


@pytest.mark.parametrize(
    "first",
    ["-- Do one thing", "-- do one thing.", "--Do one thing.", "--", "local x = 1", ""],
)
def test_the_first_line_is_a_sentence(first: str) -> None:
    with pytest.raises(BadScriptHeader, match=r"one sentence that ends in a full stop"):
        check_header("broken", GOOD.replace("-- Do one thing.", first))


def test_a_part_further_down_does_not_count() -> None:
    # The header ends with the first line that is no comment.
    moved = GOOD.replace("-- Returns: integer, how many there were\n", "") + "-- Returns: integer\n"
    with pytest.raises(BadScriptHeader, match=r"Returns"):
        check_header("broken", moved)


def test_a_script_without_arguments_needs_no_line_for_them() -> None:
    check_header("good", GOOD.replace(ARGUMENT_LINES, "").replace("ARGV[2]", "1"))


@pytest.mark.parametrize(
    ("line", "instead", "says"),
    [
        ("KEYS: reply, due", "KEYS: reply, dew", "'dew', which keys.py does not declare"),
        ("KEYS: reply, due", "KEYS: due, reply", "reply first"),
        ("KEYS: reply, due\n-- KEYS taken: list, ids", "KEYS taken: list, ids\n-- KEYS: reply, due", "second line"),
        ("KEYS taken: list, ids", "KEYS due: list, ids", "'due', which keys.py declares"),
        ("KEYS taken: list, ids", "KEYS... taken: list, ids", "nothing can come after"),
        ("due_key", "KEYS[2]", "uses KEYS"),
    ],
)
def test_each_mistake_about_keys_is_found(line: str, instead: str, says: str) -> None:
    assert line in GOOD
    with pytest.raises(BadScriptHeader, match=rf"^broken\.lua .*{says}"):
        check_header("broken", GOOD.replace(line, instead))


def test_the_names_of_a_header_are_bound() -> None:
    assert names_of(check_header("good", GOOD)) == (
        "local reply_key, due_key, taken_key, lock_keys, dead_limit_arg = "
        "KEYS[1], KEYS[2], KEYS[3], { unpack(KEYS, 4) }, ARGV[1]\n"
    )


def test_each_declared_key_is_one_of_a_partition() -> None:
    keys = Keys("namespace", "partition")
    assert {name for name in SHARED if not hasattr(keys, name)} == set()
    assert isinstance(keys.reply(b"session"), bytes)
    assert {key for script in scripts.ALL for key in script.keys} == set(SHARED) - {"reply"}


def test_a_call_sends_its_keys_in_the_order_of_the_header() -> None:
    keys = Keys("namespace", "partition")
    for script in scripts.ALL:
        told = [line.partition(" ")[2].partition(":")[0] for line in script.header if line.startswith("KEYS[")]
        assert told[told[0] == "reply" :][: len(script.keys)] == list(script.keys)
        assert keys.of[script] == tuple(getattr(keys, name) for name in script.keys)


def test_all_scripts_are_loaded() -> None:
    assert sorted(script.name for script in scripts.ALL) == NAMES
    assert len({script.sha for script in scripts.ALL}) == len(scripts.ALL)
    constants = {name.lower() for name, value in vars(scripts).items() if isinstance(value, Script)}
    assert constants == set(NAMES)


def test_a_script_is_put_together_at_its_first_use() -> None:
    """A process that only looks uses a few of the many, and need not wait for the others."""
    program = (
        "from interval_scheduler.storage.scripts import loader\n"
        "assert not any('header' in vars(script) or 'text' in vars(script) for script in loader.ALL)\n"
        "assert loader.LOOK.text is loader.LOOK.text\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("name", NAMES)
def test_every_header_is_whole(name: str) -> None:
    header = check_header(name, source_of(name))
    script = next(script for script in scripts.ALL if script.name == name)
    assert script.header == header


@pytest.mark.parametrize("name", NAMES)
def test_every_header_tells_of_each_key_and_argument_that_the_body_uses(name: str) -> None:
    source = source_of(name)
    header = check_header(name, source)
    body = "\n".join(line for line in source.splitlines() if not line.startswith("--"))
    bound = names_of(header).partition(" = ")[0].removeprefix("local ").split(", ")
    assert set(re.findall(r"\b\w+_(?:key|arg)\b|\b\w+_keys\b", body)) <= set(bound)
    assert len(set(bound)) == len(bound)
    for array in ("KEYS", "ARGV"):
        used = {int(number) for number in re.findall(rf"\b{array}\[(\d+)\]", body)}
        told = {int(number) for line in header for number in re.findall(rf"^{array}\[(\d+)(?:\.\.\.)?\]", line)}
        assert used <= told
        assert told == set(range(1, len(told) + 1)), "numbered without a gap"


@pytest.mark.parametrize("script", scripts.ALL, ids=lambda script: script.name)
def test_redis_will_know_a_script_by_its_sha(script: Script) -> None:
    assert script.sha == hashlib.sha1(script.text.encode(), usedforsecurity=False).hexdigest()
    assert script.text.endswith(source_of(script.name))
    assert names_of(script.header) in script.text
