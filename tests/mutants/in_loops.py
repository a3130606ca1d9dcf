"""Bugs by which a call from another event loop hangs, reaches the other's connection, or leaves none behind."""

from typing import Final

from .planted import Planted, tests_in

_LOOPS: Final = "semantics/test_event_loops"

ALL: Final = (
    Planted(
        "any event loop may use the connection",
        "services/lifespan.py",
        "if connected is None or connected.loop is not running_loop():",
        "if connected is None:",
        tests_in(_LOOPS, "test_in_another_loop_of_the_thread"),
    ),
    Planted(
        "any event loop may assign",
        "facade/assigning.py",
        "if connected is None or connected.loop is not running_loop():",
        "if connected is None:",
        tests_in(_LOOPS, "test_in_another_loop_of_the_thread"),
    ),
    Planted(
        "any event loop may close",
        "facade/scheduler.py",
        "    async def _close(self, drain_seconds: float) -> None:\n        self._settle()\n",
        "    async def _close(self, drain_seconds: float) -> None:\n",
        tests_in(_LOOPS, "test_in_another_loop_of_the_thread"),
    ),
    Planted(
        "a lock may be entered anywhere",
        "facade/locking.py",
        "        self._lifespan.require()\n        return await self._held.__aenter__()",
        "        return await self._held.__aenter__()",
        tests_in(_LOOPS, "test_a_lock_is_entered_and_left_at_home"),
    ),
    Planted(
        "a lock may be left anywhere",
        "facade/locking.py",
        "        self._lifespan.check_home()\n        return await self._held.__aexit__",
        "        return await self._held.__aexit__",
        tests_in(_LOOPS, "test_a_lock_is_entered_and_left_at_home"),
    ),
    Planted(
        "a list may be read on anywhere",
        "facade/inspection.py",
        "                yield found\n                self._lifespan.check_home()\n",
        "                yield found\n",
        tests_in(_LOOPS, "test_a_list_is_read_on_at_home_only"),
    ),
    Planted(
        "a closed event loop is said to be another one",
        "services/home.py",
        "if home.is_closed():",
        "if False:",
        tests_in(_LOOPS, "test_after_the_home_was_closed"),
    ),
    Planted(
        "what is left behind is never given up",
        "services/home.py",
        "return host is not None and host.get_loop().is_closed()",
        "return False",
        tests_in(_LOOPS, "test_after_the_home_was_closed"),
    ),
    Planted(
        "an execution that was left behind still counts",
        "facade/scheduler.py",
        "            self._executing.forget()\n",
        "",
        tests_in(_LOOPS, "test_after_the_home_was_dropped_with_all_that_was_in_it"),
    ),
    Planted(
        "a closed scheduler still has a home",
        "services/lifespan.py",
        "            if self._task is not None and self._task.done():\n                self._task = None\n",
        "            pass\n",
        tests_in(_LOOPS, "test_after_the_home_was_closed"),
    ),
    Planted(
        "a lock of an earlier event loop is waited for",
        "support/loops.py",
        "if loop is not self._loop:",
        "if self._loop is None:",
        tests_in(_LOOPS, "test_after_the_home_was_closed"),
    ),
    Planted(
        "two threads that connect at once both do",
        "services/lifespan.py",
        "        with self._settling:\n            self.check_home()\n            if self._task is not None and",
        "        with self._settling:\n            if self._task and self._task.get_loop() is running_loop() and",
        tests_in(_LOOPS, "test_two_threads_connect_at_once"),
    ),
)
