"""Bugs at the ends: of a run that waits to be alone, of handlers, of a call that is interrupted, of a connection."""

from typing import Final

from .planted import Planted, tests_in

_APART: Final = "unit/test_runner_apart"
_ALONE: Final = "unit/test_runner_alone"
_UNASKED: Final = "semantics/test_unasked"
_BLOCKING: Final = "semantics/test_blocking"

ALL: Final = (
    Planted(
        "an equal object in a context variable is nothing new",
        "execution/runner.py",
        "and not are_same(now_there, context)",
        "and now_there != context",
        tests_in(_APART, "test_another_object_in_a_variable_is_no_less_left_behind_for_being_equal"),
    ),
    Planted(
        "a variable that was put back counts as changed",
        "execution/runner.py",
        "and not are_same(now_there, context)",
        "and True",
        tests_in(_APART, "test_runs_that_put_a_variable_back_share_a_carrier"),
    ),
    Planted(
        "a run that is cut while it waits to be alone is charged with a crash",
        "execution/runner.py",
        "            if run.cut_short is None:\n                raise  # everything ends\n            return False\n",
        "            raise\n",
        tests_in(_ALONE, "test_one_that_is_cut_before_it_starts_is_handed_back"),
    ),
    Planted(
        "a run that waited to be alone starts in the middle of a drain",
        "execution/runner.py",
        "        return self._accepting\n",
        "        return True\n",
        tests_in(_ALONE, "test_a_drain_hands_it_back_before_it_starts"),
    ),
    Planted(
        "a run that is alone and never ends is not told",
        "execution/stuck.py",
        "if not running or (len(running) < self._places and not self._runner.is_alone):",
        "if not running or len(running) < self._places:",
        tests_in(_ALONE, "test_one_that_does_not_end_is_told_as_stuck"),
    ),
    Planted(
        "a run that goes on alone wakes nobody who watches",
        "execution/runner.py",
        "            self.is_alone = True\n            self.is_full.set()\n",
        "            self.is_alone = True\n",
        tests_in(_ALONE, "test_one_that_does_not_end_is_told_as_stuck"),
    ),
    Planted(
        "an abandoned run is kept for ever",
        "execution/runner.py",
        "        is_over = run.is_given_up and was_abandoned(run)\n        if error is not None",
        "        is_over = False\n        if error is not None",
        tests_in("unit/test_runner_end", "test_nothing_keeps_an_abandoned_run_that_ends_by_a_cancel"),
    ),
    Planted(
        "a handler that starts during the drain is waited for by nobody",
        "support/events.py",
        "                    while self._others():\n",
        "                    for _ in self._others():\n",
        tests_in("unit/test_events", "test_handlers_that_start_while_others_are_waited_for_are_waited_for_too"),
    ),
    Planted(
        "handlers start after the drain",
        "support/events.py",
        "                        await self._changed.wait()\n        self._is_open = False\n",
        "                        await self._changed.wait()\n",
        tests_in("unit/test_events", "test_handlers_that_start_while_others_are_waited_for_are_waited_for_too"),
    ),
    Planted(
        "handlers that close wait for each other",
        "support/events.py",
        "return [task for task in self._in_progress if task not in self._closers]",
        "return [task for task in self._in_progress if task is not asyncio.current_task()]",
        tests_in(_UNASKED, "test_handlers_and_a_close_do_not_wait_for_each_other"),
    ),
    Planted(
        "a handler that connects during a close waits for itself",
        "facade/scheduler.py",
        "if self._executing.is_called_inside_run() or self._events.is_called_inside_handler():",
        "if self._executing.is_called_inside_run():",
        tests_in(_UNASKED, "test_handlers_and_a_close_do_not_wait_for_each_other"),
    ),
    Planted(
        "a start during a close is ended by it",
        "services/lifespan.py",
        "                if not self._is_closing and self.connected is not None:",
        "                if not self._closing.is_set() and self.connected is not None:",
        tests_in(_UNASKED, "test_whoever_starts_while_it_closes_waits_and_connects_anew"),
    ),
    Planted(
        "a run that connects during a close waits for itself",
        "facade/scheduler.py",
        "            self._lifespan.refuse_during_close()",
        "            pass\n",
        tests_in(_UNASKED, "test_a_run_does_not_open_what_closes"),
    ),
    Planted(
        "a health check beside a close raises",
        "storage/partition/handshake.py",
        "        except NotConnected:\n            problem = PartitionOffline",
        "        except ZeroDivisionError:\n            problem = PartitionOffline",
        tests_in(_UNASKED, "test_an_examination_that_begins_after_the_close_raises_nothing"),
    ),
    Planted(
        "a read beside a close is in doubt",
        "storage/requests/session.py",
        '            if self._partition.state == "closed":\n                raise NotConnected from None\n',
        "",
        tests_in(_UNASKED, "test_reads_beside_a_close_are_answered_or_told_that_nothing_is_connected"),
    ),
    Planted(
        "a look beside a close is in doubt",
        "storage/partition/batchers.py",
        "BatchedCalls(partition.name, senders.look, reads=True),",
        "BatchedCalls(partition.name, senders.look),",
        tests_in(_UNASKED, "test_reads_beside_a_close_are_answered_or_told_that_nothing_is_connected"),
    ),
    Planted(
        "a call that is under way opens a connection after the close",
        "storage/connection/pool.py",
        "        self._is_closed = True\n        self.refuse_waiting()\n",
        "        self.refuse_waiting()\n",
        tests_in(_UNASKED, "test_reads_beside_a_close_are_answered_or_told_that_nothing_is_connected"),
    ),
    Planted(
        "a call that is interrupted in the moment of its handing over goes on",
        "facade/loop_thread.py",
        "            future.cancel()  # wherever this was interrupted, the call does not go on\n",
        "",
        tests_in(_BLOCKING, "test_a_call_that_is_interrupted_does_not_go_on"),
    ),
    Planted(
        "a CancelledError of code of the application is taken for the end of the event loop",
        "facade/loop_thread.py",
        "            if task.cancelled() and task.cancelling():\n",
        "            if task.cancelled():\n",
        tests_in("semantics/test_guests_of_calls", "test_a_blocking_call_raises_what_its_guest_raises"),
    ),
    Planted(
        "a start that meets the end of the event loop is lost",
        "facade/loop_thread.py",
        "if not start or running is None or not (running.is_left or isinstance(error, EventLoopEnds)):",
        "if True:",
        tests_in(_BLOCKING, "test_a_start_that_meets_the_end_of_the_event_loop_has_another"),
    ),
    Planted(
        "a block of a lock that is interrupted goes on",
        "facade/blocking_lock.py",
        "            holding.cancel()\n            raise\n",
        "            raise\n",
        tests_in(_BLOCKING, "test_a_call_that_is_interrupted_does_not_go_on"),
    ),
    Planted(
        "whoever connects waits for ever for an event loop that cannot be made",
        "facade/loop_thread.py",
        "            if not self._ready.done():  # there is no event loop: perhaps no file descriptor is left\n"
        "                self._ready.set_exception(error)\n",
        "            if not self._ready.done():\n                pass\n",
        tests_in(_BLOCKING, "test_without_an_event_loop_the_caller_hears_it"),
    ),
    Planted(
        "a connection that had ended is said to be left behind",
        "services/lifespan.py",
        "            ended_before = self.connected is None\n",
        "            ended_before = False\n",
        tests_in(_BLOCKING, "test_a_close_that_is_interrupted_may_be_repeated"),
    ),
)
