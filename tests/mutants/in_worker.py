"""Bugs of workers: what they hand on, what they refuse, and how they end."""

from typing import Final

from .planted import Planted, tests_in

_RUNNING: Final = "worker/test_running"
_PAYLOADS: Final = "worker/test_payloads"

ALL: Final = (
    Planted(
        "a payload that cannot be read is tried again",
        "execution/outcome.py",
        " and not isinstance(error, BadPayload)",
        "",
        tests_in(_RUNNING, "test_hooks_wrap_each_run_in_order"),
    ),
    Planted(
        "hooks go in the wrong order",
        "worker/calling.py",
        "tuple(reversed(hooks))",
        "tuple(hooks)",
        tests_in(_RUNNING, "test_hooks_wrap_each_run_in_order"),
    ),
    Planted(
        "what nobody provides is noticed by the first run",
        "worker/wanted.py",
        "        if missing:\n",
        "        if False:\n",
        tests_in(_RUNNING, "test_what_nobody_provides_is_told_before_any_claim"),
    ),
    Planted(
        "the lifespan is entered beside what a test gives",
        "worker/worker.py",
        "found = state or await stack.enter_async_context(entered(shared, scheduler))",
        "found = {**await stack.enter_async_context(entered(shared, scheduler)), **state}",
        tests_in(_RUNNING, "test_state_takes_the_place_of_the_lifespan"),
    ),
    Planted(
        "a cancelled block waits for its runs",
        "worker/endings.py",
        "        drain_seconds = 0\n",
        "",
        tests_in(_RUNNING, "test_a_cancelled_block_does_not_wait_for_its_runs"),
    ),
    Planted(
        "a second signal changes nothing",
        "worker/endings.py",
        "    await _stop(schedulers, 0)\n",
        "",
        tests_in("worker/test_process", "test_a_second_signal_cuts_runs_short"),
    ),
    Planted(
        "a payload is not read back before it is sent",
        "worker/payloads.py",
        "            read(written)\n",
        "",
        tests_in(_PAYLOADS, "test_a_payload_that_does_not_fit_is_refused_before_it_is_sent"),
    ),
    Planted(
        "the value of an enumeration stands in a message",
        "worker/payloads.py",
        '("Invalid enum value", ',
        "(",
        tests_in(_PAYLOADS, "test_a_value_of_an_enumeration_is_not_told"),
    ),
    Planted(
        "a model of pydantic tells its input",
        "worker/payloads.py",
        "            raise BadPayload(in_words(error)) from None\n",
        "            raise BadPayload(str(error)) from None\n",
        tests_in(_PAYLOADS, "test_what_cannot_be_read_is_told_without_the_payload"),
    ),
    Planted(
        "the code is stronger than the environment",
        "worker/worker.py",
        "{**self._options, **options_from(os.environ), ",
        "{**options_from(os.environ), **self._options, ",
        tests_in("worker/test_settings", "test_the_later_one_is_stronger"),
    ),
    Planted(
        "a start that hangs hears no signal",
        "worker/endings.py",
        "            if not begun.is_set():\n                scope.cancel()\n",
        "",
        tests_in("worker/test_process", "test_a_signal_ends_a_start_that_hangs"),
    ),
    Planted(
        "a lifespan that hangs at its end hears no signal",
        "worker/endings.py",
        # Text of the package, not a wait of the tests.
        "            await asyncio.sleep(_GRACE_SECONDS)\n            scope.cancel()\n",
        "",
        tests_in("worker/test_process", "test_a_second_signal_ends_a_lifespan_that_hangs"),
    ),
    Planted(
        "a cancel in the drain leaves the lifespan at once",
        "worker/endings.py",
        "                await _ended(stopping, at_once)\n",
        "                await stopping\n",
        tests_in(_RUNNING, "test_a_cancel_in_the_drain_leaves_the_lifespan_after_the_last_run"),
    ),
    Planted(
        "a queue that is not executed has the options of its namespace",
        "worker/worker.py",
        "self._scheduler.queue(queue, **self._kinds[queue].options)",
        "self._scheduler.queue(queue)",
        tests_in(_RUNNING, "test_only_some_queues_are_run_and_the_others_keep_their_options"),
    ),
    Planted(
        "a model of pydantic is written by the names that it has here",
        "worker/payloads.py",
        ", by_alias=True)",
        ")",
        tests_in(_PAYLOADS, "test_what_is_written_is_read_again"),
    ),
    Planted(
        "a tag of a payload stands in a message",
        "worker/payloads.py",
        '"Invalid value", "Object contains',
        '"Object contains',
        tests_in(_PAYLOADS, "test_tags_and_keys_of_a_payload_are_not_told"),
    ),
    Planted(
        "a third signal ends nothing",
        "worker/signals.py",
        "            self.release()  # what hangs",
        "            pass  # what hangs",
        tests_in("worker/test_process", "test_a_third_signal_ends_the_process"),
    ),
)
