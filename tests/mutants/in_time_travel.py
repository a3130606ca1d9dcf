"""Bugs in the help for tests: a time machine that tells lies, or hangs; and runs of no scheduler."""

from typing import Final

from .planted import Planted, tests_in

_TWO_TIMES = "travel/test_two_times"
_STUCK = "travel/test_stuck"
_FAILED = "travel/test_failed_runs"

ALL: Final = (
    Planted(
        "timers are early in the time machine",
        "testing/moved_time.py",
        "        self.now = max(self._timers[0].when(), self.now)\n",
        "",
        tests_in("travel/test_time_machine", "test_a_timer_is_never_early"),
    ),
    Planted(
        "the time machine moves asyncio tasks from outside",
        "testing/moved_time.py",
        "        if not self.is_here():\n            return self._real_call_at(",
        "        if not self._is_open:\n            return self._real_call_at(",
        tests_in(_TWO_TIMES, "test_an_asyncio_task_from_outside_lives_in_real_time"),
    ),
    Planted(
        "timers that were set before the time machine go by its time",
        "testing/moved_time.py",
        "return self.now if _inside.get() is self and self._is_open else self.real_time()",
        "return self.now if self._is_open else self.real_time()",
        tests_in(_TWO_TIMES, "test_an_outer_time_out_counts_real_seconds"),
    ),
    Planted(
        "the event loop goes by the time of the time machine under pytest-asyncio",
        "testing/moved_time.py",
        "functools.partial(Context().run, loop._run_once)",
        "loop._run_once",
        tests_in("travel/test_fixture_apart", "test_the_plugin_in_a_project_of_its_own"),
    ),
    Planted(
        "timers are lost at the end of the time machine",
        "testing/moved_time.py",
        "                heapq.heappush(self._loop._scheduled, timer)",
        "                timer.cancel()",
        tests_in(_TWO_TIMES, "test_a_timer_that_is_left_goes_on_in_real_time"),
    ),
    Planted(
        "the time machine does not wait for threads of asyncio",
        "testing/moved_time.py",
        "(not self.threads and self._move())",
        "self._move()",
        tests_in(_TWO_TIMES, "test_the_clock_waits_for_threads"),
    ),
    Planted(
        "the time machine does not wait for threads of anyio",
        "testing/threads.py",
        'moved.begin_thread(work, getattr(function, "__qualname__", repr(function)))',
        "pass",
        tests_in(_TWO_TIMES, "test_the_clock_waits_for_threads"),
    ),
    Planted(
        "failed runs leave a test green",
        "testing/machine.py",
        "        await moved.move_to(target)\n        self._failures.throw()",
        "        await moved.move_to(target)",
        tests_in(_FAILED, "test_an_assertion_in_an_executor_is_raised_by_the_next_advance"),
    ),
    Planted(
        "failed runs that nobody asked for leave a test green",
        "testing/failures.py",
        "        if not errors:\n            return\n        if count == 1",
        "        if errors or not errors:\n            return\n        if count == 1",
        tests_in(_FAILED, "test_the_end_of_the_machine_raises_what_is_left"),
    ),
    Planted(
        "a run that lets a cancellation through cancels the test",
        "testing/failures.py",
        "if count == 1 and not isinstance(errors[0], _STEERING):",
        "if count == 1:",
        tests_in(_FAILED, "test_a_cancellation_that_a_run_lets_through_does_not_cancel_the_test"),
    ),
    Planted(
        "a stop hangs in the time machine",
        "testing/schedulers.py",
        '    "stop_task_execute",\n',
        "",
        tests_in(_STUCK, "test_a_call_that_waits_for_a_run_moves_the_clock"),
    ),
    Planted(
        "a test that waits in the time machine hangs",
        "testing/watch.py",
        "            test.cancel(str(self.error))",
        "            pass",
        tests_in("travel/test_fixture_apart", "test_the_plugin_in_a_project_of_its_own"),
    ),
    Planted(
        "blocking code counts as a hang of the time machine",
        "testing/watch.py",
        "_LOOKS: Final = 5",
        "_LOOKS: Final = 1",
        tests_in(_STUCK, "test_blocking_code_is_no_hang"),
    ),
    Planted(
        "freezegun makes a time machine lie",
        "testing/machine.py",
        'if not hasattr(time.time, "is_of_time_machine"):',
        "if False:",
        tests_in(_STUCK, "test_a_replaced_clock_is_refused"),
    ),
    Planted(
        "an own scheduler slows a simulated day down",
        "testing/schedulers.py",
        "                options = unhurried(to_options(options))",
        "                options = to_options(options)",
        tests_in("travel/test_costs", "test_a_day_takes_few_wake_ups"),
    ),
    Planted(
        "a faked run stays behind",
        "execution/run.py",
        "        _current.reset(token)",
        "        pass",
        tests_in("unit/test_fake_run", "test_the_run_before_is_back_afterwards"),
    ),
)
