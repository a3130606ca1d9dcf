"""Bugs that the state machine of the API must find by itself, most of them in what becomes of calls in doubt."""

from typing import Final

from .planted import Planted, lua, tests_in

_TROUBLED: Final = tests_in("faults/test_api_machine", "test_calls_in_trouble")
_SESSION: Final = "self.__dict__.setdefault('own', Session(self._partition, 1))"
_OWN_SESSION: Final = f"BatchSession({_SESSION}, callers)"

ALL: Final = (
    Planted(
        "steps on tasks have a session of their own",
        "storage/partition/batchers.py",
        "await carry_out(self._partition, self.session, steps",
        f"await carry_out(self._partition, {_SESSION}, steps",
        _TROUBLED,
    ),
    Planted(
        "clearing has a session of its own",
        "storage/partition/batchers.py",
        "await assigning.clear(session, self._partition.keys, note)",
        f"await assigning.clear({_OWN_SESSION}, self._partition.keys, note)",
        _TROUBLED,
    ),
    Planted(
        "the number of a request in doubt is used again for the next one",
        "storage/requests/session.py",
        "        self._sequence += 1\n        items = None",
        "        self._sequence += not self._in_doubt\n        items = None",
        _TROUBLED,
    ),
    lua(
        "the end of a running task is looked for off the grid that it keeps",
        "assign",
        "            phase or keeps_phase and own_phase(id, rule, grid, interval) or anchor % interval,",
        "            phase or anchor % interval,",
        tests_in("scripts/test_assign_rules", "test_the_end_of_a_running_task_counts_on_the_grid_that_it_keeps"),
    ),
)
