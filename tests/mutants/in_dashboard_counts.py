"""Bugs of the dashboard's counts in the background: what they count, whom they hold up, and that they end."""

from typing import Final

from .planted import Planted, tests_in

_BACKGROUND: Final = "dashboard/test_counts_in_background"
_BULK: Final = "dashboard/test_bulk"
_COUNTS: Final = "dashboard/test_counts"
_BROWSER: Final = "dashboard/browser/test_counting"

ALL: Final = (
    Planted(
        "a count goes on though nobody looks at it",
        "dashboard/counts.py",
        " and (self._looking or time.monotonic() - self._looked_at < REST_SECONDS):",
        ":",
        tests_in(_BACKGROUND, "test_a_count_on_which_nobody_looks_rests_and_goes_on_where_it_was"),
    ),
    Planted(
        "a count that rested begins anew",
        "dashboard/counts.py",
        "        if going is None or going.is_over:\n",
        "        if going is None or not (going.goes_on or going.is_done):\n",
        tests_in(_BACKGROUND, "test_a_count_on_which_nobody_looks_rests_and_goes_on_where_it_was"),
    ),
    Planted(
        "a count is never old",
        "dashboard/counts.py",
        "        return not self.goes_on and time.monotonic() - self._ended_at >= kept\n",
        "        return not self.goes_on and kept < 0\n",
        tests_in(_BACKGROUND, "test_a_count_that_is_old_is_counted_anew"),
    ),
    Planted(
        "any number of counts go on at a time",
        "dashboard/counts.py",
        "        if len(self._counts) >= MOST_COUNTS:\n",
        "        if len(self._counts) < 0:\n",
        tests_in(_BACKGROUND, "test_no_more_than_some_go_on_at_a_time"),
    ),
    Planted(
        "an error of a count is told again and again",
        "dashboard/counts.py",
        "            if self._counts.get(key) is going:\n",
        "            if self._counts.get(key) is None:\n",
        tests_in(_COUNTS, "test_an_error_of_a_step_is_told_and_not_kept"),
    ),
    Planted(
        "a count is shown that was made before an action",
        "dashboard/serving.py",
        "                    self._kept.the(Counts).forget(look.queue)\n",
        "",
        tests_in(_BULK, "test_tasks_with_a_prefix_are_counted_and_then_changed"),
    ),
    Planted(
        "a count leaves out what cannot be reached",
        "dashboard/walk.py",
        "        if page.offline:\n",
        "        if page.offline and not page.total:\n",
        tests_in(_COUNTS, "test_tasks_of_a_partition_that_is_offline_are_not_left_out"),
    ),
    Planted(
        "a task that comes twice counts twice",
        "dashboard/walk.py",
        "        found = len(self._ids)\n",
        "        found = self.count.found + len(page.rows)\n",
        tests_in(_BACKGROUND, "test_a_task_that_comes_twice_counts_once"),
    ),
    Planted(
        "a count does not wait for its turn",
        "dashboard/walk.py",
        "        async with self._turns.turn(patience=None):\n",
        "        async with Turns().turn(patience=None):\n",
        tests_in(_BACKGROUND, "test_searches_of_others_have_turns_between_the_steps"),
    ),
    Planted(
        "what was found so far is said to be all",
        "dashboard/pages/bulk.py",
        '"count": count.found if is_known else None,',
        '"count": count.found,',
        tests_in(_COUNTS, "test_a_slow_count_tells_how_far_it_is_and_then_asks"),
    ),
    Planted(
        "the focus is lost with the link that had it",
        "dashboard/static/dashboard.js",
        "(focused.isConnected ? focused : main).focus({ preventScroll: true });",
        "focused.focus({ preventScroll: true });",
        tests_in(_BROWSER, "test_the_script_goes_on_until_the_count_is_done"),
    ),
    Planted(
        "a change goes on to what came after it was agreed to",
        "dashboard/actions/many.py",
        "        if found > most:\n",
        "        if found > walk.MOST:\n",
        tests_in(_BULK, "test_a_change_stops_that_finds_more_than_was_said"),
    ),
    Planted(
        "more dead tasks are revived than were said",
        "dashboard/actions/dead.py",
        "min(said, MOST_REVIVED)",
        "MOST_REVIVED",
        tests_in("dashboard/test_all_dead", "test_no_more_are_revived_than_were_said"),
    ),
    Planted(
        "any action forgets a count that nobody was told yet",
        "dashboard/counts.py",
        "if key[0] != queue or not each.was_told}",
        "if key[0] != queue or not each.is_done}",
        tests_in("dashboard/test_counts_in_background", "test_an_action_forgets_no_count_that_somebody_waits_for"),
    ),
    Planted(
        "a count that nobody was told yet gives its place to another",
        "dashboard/counts.py",
        "return not self.goes_on and (self.was_told or ",
        "return not self.goes_on and (True or ",
        tests_in(
            "dashboard/test_counts_in_background", "test_a_count_that_somebody_waits_for_gives_its_place_to_nobody"
        ),
    ),
    Planted(
        "an access that cancels its question is no error of the application",
        "dashboard/guard/guests.py",
        "    if asking.cancelled():",
        "    if False:",
        tests_in("dashboard/test_guests", "test_who_cancels_the_question_itself_shows_nothing"),
    ),
)
