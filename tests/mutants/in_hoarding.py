"""Bugs by which a busy scheduler keeps tasks that an idle one could run, or charges what never began."""

from typing import Final

from .planted import Planted, tests_in

_ROOM: Final = "unit/test_room"

ALL: Final = (
    Planted(
        "tasks are claimed ahead before anything was seen",
        "execution/room.py",
        "        self._window = 0\n        #: The number of quick",
        "        self._window = min(limits.prefetch, limits.concurrency)\n        #: The number of quick",
        tests_in(_ROOM, "test_nothing_is_claimed_ahead_at_first"),
    ),
    Planted(
        "quick runs of long ago are a reason to claim ahead",
        "execution/room.py",
        "        if age >= _SEEN_SECONDS / 2:\n",
        "        if age < 0:\n",
        tests_in(_ROOM, "test_as_much_is_claimed_ahead_as_quick_runs_of_the_last_second_make_room_for"),
    ),
    Planted(
        "slow runs are a reason to claim ahead",
        "execution/runner.py",
        "                    if monotonic() - now < QUICK_SECONDS:\n                        room.quick += 1\n",
        "                    room.quick += 1\n",
        tests_in(_ROOM, "test_only_quick_runs_count"),
    ),
    Planted(
        "nobody looks at what waits for a place",
        "execution/runner.py",
        "            self._patience.watch()\n",
        "",
        tests_in(_ROOM, "test_what_waits_for_a_place_is_handed_back_before_its_start_window_ends"),
    ),
    Planted(
        "what waits for a place is handed back when it is too late elsewhere, too",
        "execution/patience.py",
        "        if ahead := [ends for run in self._queue if (ends := _ends(run)) > now]:\n",
        "        if ahead := []:\n",
        tests_in(_ROOM, "test_of_two_claims_each_waits_for_its_own_time"),
    ),
    Planted(
        "tasks are claimed ahead although some were just handed back",
        "execution/patience.py",
        "            self._room.claim_nothing_ahead()\n",
        "",
        tests_in(_ROOM, "test_what_waits_for_a_place_is_handed_back_before_its_start_window_ends"),
    ),
    Planted(
        "at most once, a run is dropped that nobody else can have",
        "execution/patience.py",
        " and _is_leased(run)]",
        "]",
        tests_in(_ROOM, "test_at_most_once_only_leased_tasks_go_back"),
    ),
)
