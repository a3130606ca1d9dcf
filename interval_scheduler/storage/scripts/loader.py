"""The Lua scripts: read from `lua/`, with checked headers, each with the shared functions that it needs before it.

The header of a script is its contract and its signature::

    -- One sentence.
    -- KEYS: reply, due                                   keys that are declared in `keys.py`, by their names
    -- KEYS taken: list, ...                              a key of this script only, with its meaning
    -- KEYS... lock: string, ...                          all further keys that the caller sends
    -- ARGV[1] limit: integer, ...
    -- ARGV[2...] ids: string
    -- Returns: ...
    -- Reads only.                                        it calls no command that writes; Redis may hold it to that
    -- Guarantees: ...

The loader numbers the keys and binds the names: `due_key`, `taken_key`, the list `lock_keys`, `limit_arg`. `Keys.of`
lists the declared keys in the same order, and the caller adds the script's own ones. The typed functions in `commands/`
are the only callers.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Final

from .keys import SHARED
from .linking import Piece, link, pieces_of

_SENTENCE: Final = re.compile(r"-- [A-Z].*\.$")
_SHARED_KEYS: Final = re.compile(r"KEYS: ([a-z]+(?:, [a-z]+)*)$")
_OWN_KEY: Final = re.compile(r"KEYS(\.\.\.)? ([a-z]+): (.*)$")
_ENTRY: Final = re.compile(r"(KEYS|ARGV)\[(\d+)(\.\.\.)?\] ([a-z -]+?):")
_TYPE: Final = re.compile(r"KEYS\[\d+(?:\.\.\.)?\] [a-z]+: ([a-z ]+)")
_IS_STAMPED: Final = re.compile(r"recall_in_(?:epoch|database)\(")
_BODY: Final = re.compile(r"^-- \[(\w+)\.lua\]\n", re.MULTILINE)
_READS_ONLY: Final = "Reads only."
_SECTIONS: Final = ("KEYS[1", "Returns:", "Guarantees:")
#: The files of shared functions, in their order.
_FUNCTIONS: Final = (
    "_checks",
    "_tags",
    "_prelude",
    "_requests",
    "_recurrence",
    "_quotas",
    "_groups",
    "_claims",
    "_bytes",
)


class BadScriptHeader(Exception):
    """A script's header does not follow the form."""


@dataclass(frozen=True, slots=True, eq=False)  # each is there once, so its identity will do, which hashes faster
class Script:
    """One script, ready to be sent.

    Attributes:
        name: its file name without `.lua`.
        header: its contract, the lines without `--`, each key numbered and with its meaning.
        keys: the names of the keys that every call takes from `Keys`; the key of the session's reply is not among them.
        types: the type of each key, as its header says; all further keys of a call have that of the last.
        text: the text that Redis runs.
        sha: the SHA-1 of the text, by which Redis knows it.
        is_stamped: True if Redis refuses it where the sender knows another membership; its number is a stamp then.
        reads_only: True if it calls no command that writes.
        in_order: the variant that applies hints (see `_in_order.lua`); None for a script that hints do not use.
    """

    name: str
    header: tuple[str, ...]
    keys: tuple[str, ...]
    types: tuple[str, ...]
    text: str
    sha: str
    is_stamped: bool
    reads_only: bool = False
    in_order: Script | None = None


def check_header(name: str, source: str) -> tuple[str, ...]:
    """Read the contract of a script from its header: the lines without `--`, each key numbered and with its meaning.

    Raises:
        BadScriptHeader: the header lacks a part, or names a key that is not declared.
    """
    lines = []
    for line in source.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line)
    if not lines or not _SENTENCE.match(lines[0]):
        raise BadScriptHeader(f"{name}.lua must open with one sentence that ends in a full stop")
    header = _numbered(name, [line.removeprefix("-- ") for line in lines])
    for section in _SECTIONS:
        if not any(line.startswith(section) for line in header):
            raise BadScriptHeader(f"{name}.lua lacks '{section.partition('[')[0]}' in its header")
    body = source[sum(len(line) + 1 for line in lines) :]
    if "KEYS" in body:
        raise BadScriptHeader(f"{name}.lua uses KEYS: it must use the names in its header")
    if "ARGV" in body and not any(line.startswith("ARGV[") for line in header):
        raise BadScriptHeader(f"{name}.lua uses ARGV without a line for it in its header")
    return header


def _numbered(name: str, lines: Sequence[str]) -> tuple[str, ...]:
    numbered: list[str] = []
    count, is_repeated = 0, False
    for line in lines:
        shared, own = _SHARED_KEYS.match(line), _OWN_KEY.match(line)
        if is_repeated and (shared or own):
            raise BadScriptHeader(f"{name}.lua repeats a key: nothing can come after it")
        if shared:
            if len(numbered) != 1:
                raise BadScriptHeader(f"{name}.lua must name the declared keys in its second line")
            for key in shared[1].split(", "):
                if key not in SHARED:
                    raise BadScriptHeader(f"{name}.lua names the key '{key}', which keys.py does not declare")
                if key == "reply" and count:
                    raise BadScriptHeader(f"{name}.lua must name the reply first, where a session puts it")
                count += 1
                numbered.append(f"KEYS[{count}] {key}: {SHARED[key]}")
        elif own:
            if own[2] in SHARED:
                raise BadScriptHeader(f"{name}.lua explains the key '{own[2]}', which keys.py declares")
            is_repeated = own[1] is not None
            count += 1
            numbered.append(f"KEYS[{count}{own[1] or ''}] {own[2]}: {own[3]}")
        else:
            numbered.append(line)
    return tuple(numbered)


def names_of(header: tuple[str, ...]) -> str:
    """Write the line that binds the names in a header: `local due_key = KEYS[3]` and so on."""
    names, values = [], []
    for array, number, dots, words in _entries(header):
        name = words.replace(" ", "_").replace("-", "_")
        if array == "KEYS":
            names.append(f"{name}_keys" if dots else f"{name}_key")
            values.append(f"{{ unpack(KEYS, {number}) }}" if dots else f"KEYS[{number}]")
        elif not dots:
            names.append(f"{name}_arg")
            values.append(f"ARGV[{number}]")
    return f"local {', '.join(names)} = {', '.join(values)}\n" if names else ""


def _entries(header: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [match.groups() for match in map(_ENTRY.match, header) if match]


def _load(name: str, *more: str, parts: Sequence[str] = (), in_order: bool = False) -> Script:
    script = _script(name, *_FUNCTIONS, *more, parts=parts)
    return replace(script, in_order=_script(name, *_FUNCTIONS, "_in_order")) if in_order else script


def _read(name: str) -> str:
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")


@functools.cache
def _pieces(name: str) -> Sequence[Piece]:
    return pieces_of(_read(name))


def _part(name: str) -> str:
    """Read a part of a script. If it makes a function of another script, the line with its name stands for its body."""
    return _BODY.sub(lambda found: _read(found[1]), _read(name))


def _script(name: str, *shared: str, parts: Sequence[str] = ()) -> Script:
    """Put a script together: shared functions, the names of its header, its parts in files of their own, its file."""
    source = _read(name)
    header = check_header(name, source)
    keys = tuple(key for array, _, _, key in _entries(header) if array == "KEYS" and key in SHARED and key != "reply")
    code = "".join([names_of(header), *map(_part, parts), source])
    text = link([piece for each in shared for piece in _pieces(each)], code) + code
    sha = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Redis's choice
    types = tuple(found[1] for found in map(_TYPE.match, header) if found)
    is_stamped = _IS_STAMPED.search(source) is not None
    return Script(name, header, keys, types, text, sha, is_stamped, _READS_ONLY in header)


ACKNOWLEDGE: Final = _load("acknowledge")
ACTIONS: Final = _load("actions")
ADOPT_LIST: Final = _load("adopt_list", "_membership")
APPLIED: Final = _load("applied")
ASSIGN: Final = _load("assign", in_order=True)
AUDIT: Final = _load("audit", "_history", parts=("_audit_finds", "_audit_repairs"))
CLAIM: Final = _load("claim", "_limits", "_room")
CLAIM_ONCE: Final = _load("claim_once", "_limits", "_room")
CLEAR: Final = _load("clear", "_actions")
COMPLETE: Final = _load("complete", "_history")
CONTROL: Final = _load("control", "_actions")
DEAD: Final = _load("dead", "_walk")
DROP_TAGS: Final = _load("drop_tags")
ENROLL: Final = _load("enroll", "_membership")
ENTER_QUEUE: Final = _load("enter_queue")
EXPORT: Final = _load("export", "_history")
FAIL: Final = _load("fail", "_history")
FAILING: Final = _load("failing", "_walk")
FINISH_MIGRATION: Final = _load("finish_migration")
HEADERS: Final = _load("headers")
HINT: Final = _load("hint")
HINT_COUNT: Final = _load("hint_count")
HINT_LOOK: Final = _load("hint_look")
HINT_PAGE: Final = _load("hint_page")
LOCK: Final = _load("lock")
LOOK: Final = _load("look", "_history")
MARK: Final = _load("mark")
MIGRATION_STATUS: Final = _load("migration_status")
MOVE_DONE: Final = _load("move_done")
MOVE_IN: Final = _load("move_in", "_history", "_packed")
MOVE_OUT: Final = _load("move_out")
NOTE_ACTION: Final = _load("note_action", "_actions")
NOTE_BACKLOGS: Final = _load("note_backlogs")
OVERVIEW: Final = _load("overview")
PAGE: Final = _load("page", "_history", "_walk")
PAUSED: Final = _load("paused")
PAUSE_ALL: Final = _load("pause_all", "_actions")
PROBE: Final = _load("probe")
PURGE_DEAD: Final = _load("purge_dead", "_actions")
PUT_QUOTAS: Final = _load("put_quotas", "_actions")
QUARANTINE: Final = _load("quarantine")
QUEUES: Final = _load("queues")
QUOTAS: Final = _load("quotas")
RELEASE: Final = _load("release")
REMOVE: Final = _load("remove", in_order=True)
RENEW: Final = _load("renew")
RESTORE: Final = _load("restore", "_history", "_packed")
REPORT: Final = _load("report")
RUN_HISTORY: Final = _load("run_history", "_history")
SAMPLE: Final = _load("sample")
SCAN_IDS: Final = _load("scan_ids")
SEARCH: Final = _load("search", "_walk")
SCHEDULERS: Final = _load("schedulers")
SIZE: Final = _load("size")
STATISTICS: Final = _load("statistics")
SWEEP: Final = _load("sweep")
TAIL: Final = _load("tail")
TAKE_TOKENS: Final = _load("take_tokens")
TRIM_HINTS: Final = _load("trim_hints")
TYPES: Final = _load("types")
UPCOMING: Final = _load("upcoming")
UPDATE: Final = _load("update", "_actions", parts=("_assign_one",))

#: The scripts that only hints need.
OF_HINTS: Final = (APPLIED, HINT, HINT_COUNT, HINT_LOOK, HINT_PAGE, TRIM_HINTS)

ALL: Final = tuple(script for script in list(globals().values()) if isinstance(script, Script))
