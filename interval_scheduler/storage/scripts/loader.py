"""The Lua scripts: read from `lua/`, their headers checked, each with the shared prelude before it.

A header is the contract of its script: one sentence, `KEYS[n]`, `ARGV[n]`, `Returns` and `Guarantees`.
The typed functions in `commands.py` are the only callers.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Final

_SENTENCE: Final = re.compile(r"-- [A-Z].*\.$")
_NAMED: Final = re.compile(r"(KEYS|ARGV)\[(\d+)\] ([a-z -]+?):")
_SECTIONS: Final = ("KEYS[1]", "Returns:", "Guarantees:")


class BadScriptHeader(Exception):
    """A script's header does not follow the form."""


@dataclass(frozen=True, slots=True)
class Script:
    """One script, ready to be sent.

    Attributes:
        name: its file name without `.lua`.
        header: its contract, the lines without `--`.
        text: what Redis runs.
        sha: the SHA-1 of the text, by which Redis knows it.
        in_epoch: whether it is refused under another list of partitions than its sender's.
        in_order: the same for what is applied by hints, of those scripts that can be (see `_in_order.lua`).
    """

    name: str
    header: tuple[str, ...]
    text: str
    sha: str
    in_epoch: bool
    in_order: Script | None = None


def check_header(name: str, source: str) -> tuple[str, ...]:
    """The header of a script, its lines without `--`.

    Raises:
        BadScriptHeader: something is missing.
    """
    lines = []
    for line in source.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line)
    if not lines or not _SENTENCE.match(lines[0]):
        raise BadScriptHeader(f"{name}.lua must open with one sentence that ends in a full stop")
    header = tuple(line.removeprefix("-- ") for line in lines)
    for section in _SECTIONS:
        if not any(line.startswith(section) for line in header):
            raise BadScriptHeader(f"{name}.lua lacks '{section}' in its header")
    body = source[sum(len(line) + 1 for line in lines) :]
    for array in ("KEYS", "ARGV"):
        if array in body and not any(line.startswith(array + "[") for line in header):
            raise BadScriptHeader(f"{name}.lua uses {array} without a line for it in its header")
    return header


def names_of(header: tuple[str, ...]) -> str:
    """What binds the names in a header to keys and arguments: `local due_key = KEYS[3]` and so on, in one line."""
    found = [_NAMED.match(line) for line in header]
    bound = [(match[1], match[2], match[3].replace(" ", "_").replace("-", "_")) for match in found if match]
    if not bound:
        return ""
    names = ", ".join(f"{name}_{'key' if array == 'KEYS' else 'arg'}" for array, _, name in bound)
    return f"local {names} = {', '.join(f'{array}[{number}]' for array, number, _ in bound)}\n"


def _load(name: str, *, in_order: bool = False) -> Script:
    header = check_header(name, _read(name))
    variant = _script(name, header, "_prelude", "_groups", "_in_order", name) if in_order else None
    return replace(_script(name, header, "_prelude", "_groups", name), in_order=variant)


def _read(name: str) -> str:
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def _script(name: str, header: tuple[str, ...], *parts: str) -> Script:
    *shared, own = parts
    text = "".join([*map(_read, shared), names_of(header), _read(own)])
    sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Redis's choice
    return Script(name, header, text, sha, "recall_in_epoch(" in _read(name))


APPLIED: Final = _load("applied")
ASSIGN: Final = _load("assign", in_order=True)
AUDIT: Final = _load("audit")
BURY: Final = _load("bury")
CHANGE: Final = _load("change")
CLAIM: Final = _load("claim")
CLAIM_ONCE: Final = _load("claim_once")
CLEAR: Final = _load("clear")
COMPLETE: Final = _load("complete")
CONTROL: Final = _load("control")
ENROLL: Final = _load("enroll")
FAIL: Final = _load("fail")
HALT: Final = _load("halt")
HINT: Final = _load("hint")
HINT_COUNT: Final = _load("hint_count")
HINT_LOOK: Final = _load("hint_look")
HINT_PAGE: Final = _load("hint_page")
LOCK: Final = _load("lock")
LOOK: Final = _load("look")
MARK: Final = _load("mark")
MOVE_DONE: Final = _load("move_done")
MOVE_IN: Final = _load("move_in")
MOVE_OUT: Final = _load("move_out")
MOVING: Final = _load("moving")
PAGE: Final = _load("page")
PROBE: Final = _load("probe")
QUARANTINE: Final = _load("quarantine")
RELEASE: Final = _load("release")
REMOVE: Final = _load("remove", in_order=True)
RENEW: Final = _load("renew")
SETTLE: Final = _load("settle")
SIZE: Final = _load("size")
STRIKE: Final = _load("strike")
SWEEP: Final = _load("sweep")
WALK: Final = _load("walk")

#: What only hints need.
OF_HINTS: Final = (APPLIED, HINT, HINT_COUNT, HINT_LOOK, HINT_PAGE, STRIKE)

ALL: Final = (
    *OF_HINTS,
    ASSIGN,
    AUDIT,
    BURY,
    CHANGE,
    CLAIM,
    CLAIM_ONCE,
    CLEAR,
    COMPLETE,
    CONTROL,
    ENROLL,
    FAIL,
    HALT,
    LOCK,
    LOOK,
    MARK,
    MOVE_DONE,
    MOVE_IN,
    MOVE_OUT,
    MOVING,
    PAGE,
    PROBE,
    QUARANTINE,
    RELEASE,
    REMOVE,
    RENEW,
    SETTLE,
    SIZE,
    SWEEP,
    WALK,
)
