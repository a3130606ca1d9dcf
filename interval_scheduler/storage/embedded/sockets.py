"""The server's end of a connection for scripts: it runs them, and carries out the commands that they call."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from fakeredis import FakeServer
from fakeredis import _msgs as messages
from fakeredis._command_args_parsing import Float
from fakeredis._core import CommandItem, Database
from fakeredis._helpers import SimpleError
from fakeredis._socket._resp import convert_to_resp2
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE, _convert_redis_arg

from .plans import KIND, VERSION, plan_of
from .programs import Programs
from .quick import QuickSocket

#: The types of what most commands return, which Lua takes as they are.
_PLAIN: Final = frozenset((bytes, int))
#: The version of RESP that a script speaks, whatever its client does.
_RESP: Final = 2
#: Below it, a whole number is written by all its digits, although it is a float.
_MOST_WHOLE: Final = 1e15


class _Database(Database):
    """A database of a store. No client of a store watches a key, or waits for one: so none is told of a change."""

    def notify_watch(self, key: bytes) -> None:
        pass


class Store(FakeServer):
    """The data of an embedded engine, and its scripts."""

    def __init__(self) -> None:
        super().__init__(version=VERSION, server_type=KIND)
        self.dbs = defaultdict(lambda: _Database(self.lock))
        #: The compiled scripts; `None` until the first is called.
        self.programs: Programs | None = None


class ScriptSocket(QuickSocket):
    """Runs scripts as the sockets of fakeredis do, only sooner.

    Scripts of one store run one at a time, also those of several threads: each holds the lock of the store.
    """

    _server: Store

    def run(self, sha: bytes, keys: Sequence[bytes], args: Sequence[bytes]) -> Any:
        """Run a script, and return its reply; an error is returned too."""
        store = self._server
        if store.closed_sockets:  # any command of fakeredis's own makes it forget them
            self.sendall(b"*1\r\n$4\r\nPING\r\n")
            self.responses.get_nowait()
        with store.lock:
            now = time.time()
            for db in store.dbs.values():
                db.time = now
            try:
                return self._run(store, sha, keys, args)
            except SimpleError as error:
                return self._decode_result(error)

    def _run(self, store: Store, sha: bytes, keys: Sequence[bytes], args: Sequence[bytes]) -> Any:
        if sha not in store.script_cache:
            raise SimpleError(messages.NO_MATCHING_SCRIPT_MSG)
        interpreter: Any = self._get_server_runtime(store)
        if store.programs is None:
            store.programs = Programs(interpreter)
        programs = store.programs
        vars(store)["_lua_current_socket"][0] = self  # where fakeredis's `redis.call` looks for it
        self._script_resp = _RESP
        try:
            returned = programs.run(sha, store.script_cache, keys, args)
        except LUA_MODULE.LuaError as error:
            raise SimpleError(messages.SCRIPT_ERROR_MSG.format(sha.decode(), error)) from None
        finally:
            self._script_resp = None
        return programs.read(returned, self._convert_rare)

    def _convert_rare(self, returned: Any) -> Any:
        return self._decode_result(convert_to_resp2(self._convert_lua_result(returned, nested=False)))

    def _lua_redis_call(self, lua_runtime: Any, expected_globals: set[Any], op: bytes, *args: Any) -> Any:
        """Carry out a command that a script calls. Its globals are not looked through: they are sealed."""
        plan = plan_of(op, len(args))
        if plan is None:
            return super()._lua_redis_call(lua_runtime, expected_globals, op, *args)
        values: list[Any] = [arg if type(arg) is bytes else _convert_redis_arg(arg) for arg in args]
        db = self._db
        for at, read, answer in plan.readings:
            if read is not None:
                values[at] = read(values[at])
            elif values[at] not in db:
                return self._to_lua(lua_runtime, answer)
        items = []
        for at, kind, make in plan.keys:
            values[at] = item = _item(db, values[at], kind, make)
            items.append(item)
        try:
            result = getattr(self, plan.method)(*values)
        except SimpleError as error:  # what it did before counts
            result = error
        for item in items:
            if item.is_modified:
                item.writeback(remove_empty_val=plan.removes_empty)
        return self._to_lua(lua_runtime, result)

    def _to_lua(self, interpreter: Any, result: Any) -> Any:
        """Return the reply of a command as Lua sees it."""
        kind = type(result)
        if kind in _PLAIN:
            return result
        if result is None:
            return False
        if kind is list:
            items = [each if type(each) in _PLAIN else self._item_to_lua(interpreter, each) for each in result]
            return interpreter.table_from(items)
        return self._convert_redis_result(interpreter, convert_to_resp2(result))

    def _item_to_lua(self, interpreter: Any, item: Any) -> Any:
        if type(item) is float:
            # A due time, nearly always; the shorter way writes it alike.
            is_short = 0 < item < _MOST_WHOLE and item.is_integer()
            return b"%d" % item if is_short else Float.encode(item, humanfriendly=False)
        return self._to_lua(interpreter, item)

    def _keyspace_notifications(self, command_items: list[CommandItem], event: bytes) -> None:
        """Tell nobody of changed keys: Redis does that only if its configuration asks for it."""

    def add_subkey_event(self, event: bytes, key: bytes, subkeys: Sequence[bytes]) -> None:
        """Tell nobody of changed fields, as of changed keys."""


def _item(db: Database, key: bytes, kind: type[Any] | None, make: Callable[[], Any] | None) -> CommandItem:
    """Find a key for a command; `kind` and `make` are those of its plan."""
    found = db._dict.get(key)  # noqa: SLF001 - its own `get` takes a third of the time of a short command
    if found is not None and found.expireat is not None:
        found = db.get(key)  # unless it is over
    if found is None:
        return CommandItem(key, db, None, default=None if make is None else make())
    if kind is not None and type(found.value) is not kind:
        raise SimpleError(messages.WRONGTYPE_MSG)
    return CommandItem(key, db, found)
