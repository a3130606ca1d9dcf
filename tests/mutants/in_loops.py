"""Bugs by which a call in the wrong event loop, thread or process hangs, or reaches what is not its own."""

from typing import Final

from .planted import Planted, tests_in

_LOOPS: Final = "semantics/test_event_loops"
_BLOCKING: Final = "semantics/test_blocking"

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
        "if connected is not None and get_ident() == connected.thread and connected.loop.is_running():",
        "if connected is not None:",
        tests_in(_LOOPS, "test_in_another_loop_of_the_thread"),
    ),
    Planted(
        "any event loop may close",
        "facade/family.py",
        "            member.settle()\n        hosts = {}\n",
        "            pass\n        hosts = {}\n",
        tests_in(_LOOPS, "test_in_another_loop_of_the_thread"),
    ),
    Planted(
        "a lock may be entered anywhere",
        "facade/locking.py",
        "        await self._lifespan.enter()\n",
        "",
        tests_in(_LOOPS, "test_a_lock_is_entered_and_left_at_home"),
    ),
    Planted(
        "a lock may be left anywhere",
        "facade/locking.py",
        "        self._lifespan.check_home()\n        return None if",
        "        return None if",
        tests_in(_LOOPS, "test_a_lock_is_entered_and_left_at_home"),
    ),
    Planted(
        "a list may be read on anywhere",
        "facade/inspection.py",
        "                    if get_ident() != connected.thread or not connected.loop.is_running():\n",
        "                    if False:\n",
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
        "facade/core.py",
        "            self.executing.forget()\n",
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
    Planted(
        "a call from its own thread waits for itself",
        "facade/loop_thread.py",
        "if running is not None and running.thread is threading.current_thread():",
        "if False:",
        tests_in(_BLOCKING, "test_a_coroutine_function_runs_in_the_event_loop"),
    ),
    Planted(
        "a forked process waits for the thread of its parent",
        "facade/loop_thread.py",
        "if self._process is not None and self._process != os.getpid():",
        "if False:",
        tests_in(_BLOCKING, "test_the_ends_of_a_process"),
    ),
    Planted(
        "a call that is interrupted goes on",
        "facade/blocking_lock.py",
        "            holding.cancel()\n",
        "            pass\n",
        tests_in(_BLOCKING, "test_a_call_that_is_interrupted_does_not_go_on"),
    ),
    Planted(
        "a call comes too late for its event loop and waits for ever",
        "facade/event_loop_thread.py",
        "        finally:\n            self._give_up()\n",
        "        finally:\n            pass\n",
        tests_in(_BLOCKING, "test_a_call_that_comes_too_late_ends"),
    ),
    Planted(
        "an event loop that ended is still called",
        "facade/loop_thread.py",
        "                self._take(running)\n                running.is_left = False",
        "                running.is_left = False",
        tests_in(_BLOCKING, "test_the_ends_of_a_process"),
    ),
    Planted(
        "an event loop ends without a word",
        "facade/loop_thread.py",
        '        self._log.error("the thread of a BlockingScheduler ended',
        '        self._log.debug("the thread of a BlockingScheduler ended',
        tests_in(_BLOCKING, "test_the_ends_of_a_process"),
    ),
    Planted(
        "an iterable is read in the event loop",
        "facade/feeding.py",
        "if isinstance(items, str | bytes | list | tuple) or",
        "if True or",
        tests_in(_BLOCKING, "test_an_iterable_is_read_in_the_thread_that_calls"),
    ),
    Planted(
        "what an iterable raises leaves its call waiting",
        "facade/feeding.py",
        "        done.cancel()\n",
        "        pass\n",
        tests_in(_BLOCKING, "test_what_an_iterable_raises_comes_through"),
    ),
    Planted(
        "a run ends before its thread does",
        "facade/threaded.py",
        "            with suppress(asyncio.CancelledError):\n                await asyncio.wait([working])",
        "            await asyncio.wait([working])",
        tests_in(_BLOCKING, "test_a_thread_that_is_drained_ends_its_run"),
    ),
    Planted(
        "plain functions have one thread instead of as many as there are runs",
        "facade/threaded.py",
        "limiter = anyio.CapacityLimiter(concurrency)",
        "limiter = anyio.CapacityLimiter(1)",
        tests_in(_BLOCKING, "test_a_plain_function_runs_in_threads"),
    ),
    Planted(
        "a lock that is lost by closing is not told",
        "facade/blocking_lock.py",
        "        if not is_held:\n",
        "        if False:\n",
        tests_in(_BLOCKING, "test_a_block_whose_event_loop_ended_is_told"),
    ),
    Planted(
        "a list comes without its last pages",
        "facade/paging.py",
        "        if len(found) < _PAGE:\n            return\n",
        "        return\n",
        tests_in(_BLOCKING, "test_lists_come_in_pages"),
    ),
)
