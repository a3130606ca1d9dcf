"""The Lua scripts: read from `lua/`, with checked headers, each with the shared functions that it needs before it.

All files are read when this module is loaded, so that a process whose package is replaced meanwhile has the scripts of
one version. A script is put together at its first use, since a process uses few of them.

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
from functools import cached_property
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


#: The text of each file, by its name without `.lua`.
_SOURCES: Final = {
    file.name.removesuffix(".lua"): file.read_text(encoding="utf-8") for file in (files(__package__) / "lua").iterdir()
}


class BadScriptHeader(Exception):
    """A script's header does not follow the form."""


class Script:
    """One script, ready to be sent. Each attribute is worked out when it is used for the first time.

    Args:
        name: its file name without `.lua`.
        more: the files of shared functions that it may need beside those that any may.
        parts: the files of its own parts, which come before its own file.
        has_order: True if hints use it: then it has a variant that applies them.
        only_looks: True if it is called in such a way only that it calls no command that writes.
    """

    def __init__(
        self, name: str, *more: str, parts: Sequence[str] = (), has_order: bool = False, only_looks: bool = False
    ) -> None:
        self.name: Final = name
        self._more: Final = more
        self._parts: Final = parts
        self._has_order: Final = has_order
        self._only_looks: Final = only_looks

    def looking(self) -> Script:
        """Return the same script, for calls by which it writes nothing."""
        return Script(self.name, *self._more, parts=self._parts, only_looks=True)

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Its contract, the lines without `--`, each key numbered and with its meaning."""
        return check_header(self.name, _SOURCES[self.name])

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The names of the keys that every call takes from `Keys`; that of the session's reply is not among them."""
        return tuple(
            key for array, _, _, key in _entries(self.header) if array == "KEYS" and key in SHARED and key != "reply"
        )

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The type of each key, as its header says; all further keys of a call have that of the last."""
        return tuple(found[1] for found in map(_TYPE.match, self.header) if found)

    @cached_property
    def text(self) -> str:
        """The text that Redis runs: shared functions, the names of its header, its parts, and its own file."""
        code = "".join([names_of(self.header), *map(_part, self._parts), _SOURCES[self.name]])
        return link([piece for each in (*_FUNCTIONS, *self._more) for piece in _pieces(each)], code) + code

    @cached_property
    def sha(self) -> str:
        """The SHA-1 of the text, by which Redis knows it."""
        return hashlib.sha1(self.text.encode()).hexdigest()  # noqa: S324 - Redis's choice

    @cached_property
    def is_stamped(self) -> bool:
        """True if Redis refuses it where the sender knows another membership; its number is a stamp then."""
        return _IS_STAMPED.search(_SOURCES[self.name]) is not None

    @cached_property
    def reads_only(self) -> bool:
        """True if it calls no command that writes."""
        return self._only_looks or _READS_ONLY in self.header

    @cached_property
    def in_order(self) -> Script | None:
        """The variant that applies hints (see `_in_order.lua`); None for a script that hints do not use."""
        return Script(self.name, *self._more, "_in_order", parts=self._parts) if self._has_order else None


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


@functools.cache
def _pieces(name: str) -> Sequence[Piece]:
    return pieces_of(_SOURCES[name])


def _part(name: str) -> str:
    """Read a part of a script. If it makes a function of another script, the line with its name stands for its body."""
    return _BODY.sub(lambda found: _SOURCES[found[1]], _SOURCES[name])


ACKNOWLEDGE: Final = Script("acknowledge", "_actions")
ACTIONS: Final = Script("actions")
ADOPT_LIST: Final = Script("adopt_list", "_membership")
APPLIED: Final = Script("applied")
ASSIGN: Final = Script("assign", has_order=True)
AUDIT: Final = Script("audit", "_history", parts=("_audit_finds", "_audit_repairs"))
CLAIM: Final = Script("claim", "_limits", "_room")
CLAIM_ONCE: Final = Script("claim_once", "_limits", "_room")
CLEAR: Final = Script("clear", "_actions")
COMPLETE: Final = Script("complete", "_history")
CONTROL: Final = Script("control", "_actions")
DEAD: Final = Script("dead", "_walk")
DROP_TAGS: Final = Script("drop_tags")
ENROLL: Final = Script("enroll", "_membership")
ENTER_QUEUE: Final = Script("enter_queue")
EXPORT: Final = Script("export", "_history")
FAIL: Final = Script("fail", "_history")
FAILING: Final = Script("failing", "_walk")
FINISH_MIGRATION: Final = Script("finish_migration")
HEADERS: Final = Script("headers")
HINT: Final = Script("hint")
HINT_COUNT: Final = Script("hint_count")
HINT_LOOK: Final = Script("hint_look")
HINT_PAGE: Final = Script("hint_page")
LOCK: Final = Script("lock")
LOOK: Final = Script("look", "_history")
LOOK_DEAD: Final = Script("look_dead")
MARK: Final = Script("mark")
MIGRATION_STATUS: Final = Script("migration_status")
MOVE_DONE: Final = Script("move_done")
MOVE_IN: Final = Script("move_in", "_history", "_packed")
MOVE_OUT: Final = Script("move_out")
NOTE_ACTION: Final = Script("note_action", "_actions")
NOTE_BACKLOGS: Final = Script("note_backlogs")
OVERVIEW: Final = Script("overview")
PAGE: Final = Script("page", "_history", "_walk")
PAUSED: Final = Script("paused")
PAUSE_ALL: Final = Script("pause_all", "_actions")
PROBE: Final = Script("probe")
PURGE_DEAD: Final = Script("purge_dead", "_actions")
PUT_QUOTAS: Final = Script("put_quotas", "_actions")
QUARANTINE: Final = Script("quarantine")
QUEUES: Final = Script("queues")
QUOTAS: Final = Script("quotas")
RELEASE: Final = Script("release")
REMOVE: Final = Script("remove", has_order=True)
RENEW: Final = Script("renew")
RESTORE: Final = Script("restore", "_history", "_packed")
REPORT: Final = Script("report")
RUN_HISTORY: Final = Script("run_history", "_history")
SAMPLE: Final = Script("sample")
SCAN_IDS: Final = Script("scan_ids")
SEARCH: Final = Script("search", "_walk")
SCHEDULERS: Final = Script("schedulers")
SIZE: Final = Script("size")
STATISTICS: Final = Script("statistics")
SWEEP: Final = Script("sweep")
TAIL: Final = Script("tail")
TAKE_TOKENS: Final = Script("take_tokens")
TRIM_HINTS: Final = Script("trim_hints")
TYPES: Final = Script("types")
UPCOMING: Final = Script("upcoming")
UPDATE: Final = Script("update", "_actions", parts=("_assign_one",))

#: The scripts that only hints need.
OF_HINTS: Final = (APPLIED, HINT, HINT_COUNT, HINT_LOOK, HINT_PAGE, TRIM_HINTS)

ALL: Final = tuple(script for script in list(globals().values()) if isinstance(script, Script))
