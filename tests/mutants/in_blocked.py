"""Bugs by which a run that blocks its event loop loses its lease, or keeps it for ever."""

from typing import Final

from .planted import Planted, tests_in

_BLOCKED: Final = "semantics/test_blocked"

ALL: Final = (
    Planted(
        "a blocked event loop loses its leases",
        "execution/execution.py",
        "                group.start_soon(self._blocked.run)\n",
        "",
        tests_in(_BLOCKED, "test_a_run_that_blocks_for_many_leases_is_one_run"),
    ),
    Planted(
        "a run whose lease a thread has renewed is cut short once the event loop goes on",
        "execution/blocked.py",
        "                run.trust_until(until)",
        "                pass",
        tests_in(_BLOCKED, "test_a_run_that_blocks_for_many_leases_is_one_run"),
    ),
    Planted(
        "a process that never goes on keeps its tasks for ever",
        "execution/blocked.py",
        "            if clock.monotonic() - began > MOST_LEASES * self._lease_seconds:",
        "            if False:",
        tests_in(_BLOCKED, "test_a_process_that_never_goes_on_keeps_its_tasks_for_some_leases_only"),
    ),
    Planted(
        "the thread that renews leases goes on after the execution",
        "execution/blocked.py",
        "            self._ended.set()\n            self._lives.set()",
        "            self._lives.set()",
        tests_in(_BLOCKED, "test_the_thread_ends_with_the_execution"),
    ),
    Planted(
        "what ended just before the event loop was blocked loses its lease",
        "execution/blocked.py",
        "            runs += self._completions[renewals.name].undelivered\n",
        "",
        tests_in(_BLOCKED, "test_what_ended_just_before_does_not_run_again"),
    ),
)
