"""Bugs by which a busy scheduler keeps tasks that an idle one could run, or charges what never began."""

from typing import Final

from .planted import Planted, lua, tests_in

_ROOM: Final = "unit/test_room"
_BEGUN: Final = "scripts/test_not_begun"
_UNWORKABLE: Final = "semantics/test_unworkable"

ALL: Final = (
    Planted(
        "tasks are claimed ahead before anything was seen",
        "execution/room.py",
        "        self._window = 0\n        # When",
        "        self._window = min(limits.prefetch, limits.concurrency)\n        # When",
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
        "                    if self._round == this_round or monotonic() - now < quick_seconds:",
        "                    if True:",
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
    lua(
        "what waits for a place is claimed as if it had begun",
        "claim",
        "count > places and waiting_until or deadline, id",
        "deadline, id",
        tests_in(_BEGUN, "test_a_claim_marks_what_finds_no_place"),
    ),
    lua(
        "a repeated claim does not find what waits for a place",
        "claim",
        "deadline, deadline .. WAITS, 'BYSCORE')",
        "deadline, deadline, 'BYSCORE')",
        tests_in(_BEGUN, "test_a_claim_marks_what_finds_no_place"),
    ),
    lua(
        "at most once, what waits for a place is claimed as if it had begun",
        "claim_once",
        "count < tonumber(places_arg) and deadline or deadline .. WAITS, id",
        "deadline, id",
        tests_in(_BEGUN, "test_so_does_a_claim_at_most_once_of_what_is_leased"),
    ),
    lua(
        "what never began is charged",
        "_claims",
        "    if fraction == WAITS then\n",
        "    if fraction == WAITS then\n      failed[#failed + 1] = id\n",
        tests_in(_BEGUN, "test_only_what_had_begun_is_charged_when_its_lease_ends"),
    ),
    lua(
        "what was put off is charged",
        "_claims",
        "    elseif fraction ~= PUT_OFF then\n",
        "    else\n",
        tests_in(_BEGUN, "test_only_what_had_begun_is_charged_when_its_lease_ends"),
    ),
    lua(
        "nobody knows that a task waited on a worker that died",
        "_claims",
        "      add(attempts_key, id, 0)\n",
        "",
        tests_in(_BEGUN, "test_only_what_had_begun_is_charged_when_its_lease_ends"),
    ),
    Planted(
        "a claim does not tell how many places are free",
        "execution/poller.py",
        "self._runner.room.places(permits), weight.goal)",
        "permits, weight.goal)",
        tests_in("faults/test_idle_worker", "test_a_worker_dies_that_holds_tasks_ready"),
    ),
    Planted(
        "a run that was delivered before begins untold",
        "execution/runner.py",
        "            if run.failed is None or (await in_time(",
        "            if True or (await in_time(",
        tests_in("unit/test_runner_told", "test_it_is_told_before"),
    ),
    Planted(
        "a run begins although its lease is held no more",
        "execution/in_time.py",
        "            return await ready\n",
        "            await ready\n            return True\n",
        tests_in("unit/test_runner_told", "test_one_whose_lease_is_held_no_more_does_not_begin"),
    ),
    Planted(
        "a delivery that may not have begun is a crash",
        "execution/run.py",
        "        return whole(self.failed) or 0\n",
        "        return self.attempt - 1\n",
        tests_in("unit/test_outcome", "test_what_only_waited_for_a_place_is_no_crash"),
    ),
    Planted(
        "what cannot be worked out is left to its lease",
        "execution/runs.py",
        "            self._put_off(run, error)\n",
        "            self._leave(run, error)\n",
        tests_in(_UNWORKABLE, "test_it_is_put_off_uncharged_until_it_can_be_worked_out"),
    ),
    Planted(
        "the executor is called before the next run is worked out",
        "execution/outcome.py",
        "        run.planned_ms = _next_ms(run, run.server_now_ms(now))\n",
        "",
        tests_in(_UNWORKABLE, "test_it_is_put_off_uncharged_until_it_can_be_worked_out"),
    ),
    Planted(
        "a run whose time zone is gone at its end comes again",
        "execution/outcome.py",
        "        return planned_ms\n\n\ndef ending_header",
        "        raise\n\n\ndef ending_header",
        tests_in("unit/test_outcome", "test_the_next_time_that_was_known_when_the_run_began_holds"),
    ),
    Planted(
        "the reason why a task is put off floods the log",
        "execution/unworkable.py",
        "        if reason not in self._told:\n",
        "        if True:\n",
        tests_in("unit/test_unworkable", "test_a_reason_is_told_once"),
    ),
    Planted(
        "what cannot be worked out comes again all the time",
        "execution/unworkable.py",
        "_FIRST_DELAY * (1 << min(times, 10))",
        "_FIRST_DELAY",
        tests_in("unit/test_unworkable", "test_a_task_is_put_off_for_longer_each_time"),
    ),
    lua(
        "a task that is put off keeps its place in its group",
        "release",
        "  if leave_groups(groups_key, resting, now, due_key) then\n",
        "  if false then\n",
        tests_in(_BEGUN, "test_it_leaves_its_group_to_the_others"),
    ),
    lua(
        "a task that is put off is due at once",
        "release",
        "    if delay > 0 then\n",
        "    if false then\n",
        tests_in(_BEGUN, "test_what_is_handed_back_with_a_delay_rests_until_then"),
    ),
)
