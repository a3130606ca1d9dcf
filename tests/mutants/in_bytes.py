"""Bugs by which scripts read or send too many bytes, or what was cut off is lost; and claims that no link can carry."""

from typing import Final

from .planted import Planted, tests_in

_SCRIPTS: Final = "scripts/test_bytes"
_LUA: Final = "storage/scripts/lua/"
_WEIGHT: Final = "unit/test_claim_weight"
_BATCHES: Final = "unit/test_batching"

ALL: Final = (
    Planted(
        "scripts read all records, however heavy",
        _LUA + "_bytes.lua",
        "    local step = AT_ONCE\n    if count == 0 or size > SHORT * count then",
        "    local step = wanted\n    if false then",
        tests_in(_SCRIPTS, "test_what_is_not_sent_is_not_read"),
    ),
    Planted(
        "what was read is sent, however heavy",
        _LUA + "_bytes.lua",
        "        if size > most and count > 0 then",
        "        if false then",
        tests_in(_SCRIPTS, "test_heavy_tasks_behind_light_ones_wait"),
    ),
    Planted(
        "a record that is heavier than the bound is never read",
        _LUA + "_bytes.lua",
        "        if size > most and count > 0 then",
        "        if size > most then",
        tests_in(_SCRIPTS, "test_a_task_that_is_too_heavy_comes_alone"),
    ),
    Planted(
        "a walk reads the values of as many tasks as it asks for",
        _LUA + "_bytes.lua",
        "until cursor == '0' or looked >= count or size >= MOST_SCANNED",
        "until cursor == '0' or looked >= count",
        tests_in(_SCRIPTS, "test_what_is_not_sent_is_not_read"),
    ),
    Planted(
        "a claim drops what it does not bring",
        _LUA + "claim.lua",
        "call('ZREMRANGEBYRANK', due_key, 0, sorted.looked - 1)",
        "call('ZREMRANGEBYRANK', due_key, 0, #candidates - 1)",
        tests_in(_SCRIPTS, "test_claims_bring_a_part_each_in_order"),
    ),
    Planted(
        "a retry leaves what is too heavy to its lease",
        _LUA + "claim.lua",
        "  if #too_heavy > 0 then",
        "  if false then",
        tests_in(_SCRIPTS, "test_a_retry_hands_back_what_is_too_heavy_by_now"),
    ),
    Planted(
        "the copy of what was taken stays after the next request",
        _LUA + "claim_once.lua",
        "call('DEL', taken_key) -- a new request says that the reply to the last one has arrived\n",
        "",
        tests_in(_SCRIPTS, "test_the_copy_of_what_was_taken_is_bounded_and_goes_with_the_next_request"),
    ),
    Planted(
        "a list ends with the first page that is cut",
        _LUA + "page.lua",
        "  may_follow = true\n",
        "",
        tests_in(_SCRIPTS, "test_pages_go_on_after_the_last_task_that_they_show"),
    ),
    Planted(
        "the list of parked tasks leaves out what a page has no room for",
        _LUA + "page.lua",
        "{ unpack(members, 1, #records) }",
        "members",
        tests_in(_SCRIPTS, "test_pages_of_parked_tasks_go_on_too"),
    ),
    Planted(
        "runs of tasks that were assigned again end all at once",
        _LUA + "complete.lua",
        "  if bytes_read >= MOST_READ then",
        "  if false then",
        tests_in(_SCRIPTS, "test_runs_whose_tasks_were_assigned_again_end_a_part_at_a_time"),
    ),
    Planted(
        "all runs that end together have the interval of the first",
        _LUA + "complete.lua",
        "if interval ~= interval_text then",
        "if not interval_text then",
        tests_in("scripts/test_complete", "test_each_task_of_a_batch_keeps_its_own_grid"),
    ),
    Planted(
        "all runs that end together have the phase of the first",
        _LUA + "complete.lua",
        "if phase ~= phase_text then",
        "if not phase_text then",
        tests_in("scripts/test_complete", "test_each_task_of_a_batch_keeps_its_own_grid"),
    ),
    Planted(
        "failed runs of such tasks end all at once",
        _LUA + "fail.lua",
        "  if bytes_read >= MOST_READ then",
        "  if false then",
        tests_in(_SCRIPTS, "test_such_runs_fail_a_part_at_a_time"),
    ),
    Planted(
        "heavy tasks are resumed all at once",
        _LUA + "control.lua",
        "  if bytes_read >= MOST_READ then",
        "  if false then",
        tests_in(_SCRIPTS, "test_heavy_tasks_are_resumed_a_part_at_a_time"),
    ),
    Planted(
        "an assignment writes without a look at the record that it did not read",
        _LUA + "assign.lua",
        "if any_known and #records < #ids then",
        "if false then",
        tests_in(_SCRIPTS, "test_assignments_of_heavy_tasks_are_carried_out_a_part_at_a_time"),
    ),
    Planted(
        "hints that were too heavy count as applied",
        _LUA + "_in_order.lua",
        "    if left == 0 then\n      call('SET', hinted_key, number)\n",
        "    if true then\n      call('SET', hinted_key, number)\n",
        tests_in(_SCRIPTS, "test_hints_of_heavy_tasks_are_applied_a_part_at_a_time"),
    ),
    Planted(
        "calls that got no answer come last in the next batch",
        "storage/requests/batching.py",
        "self._waiting.extendleft(reversed(batch[len(outcomes) :]))",
        "self._waiting.extend(reversed(batch[len(outcomes) :]))",
        tests_in(_BATCHES, "test_what_was_too_heavy_comes_first_in_the_next_batch"),
    ),
    Planted(
        "answers to the first calls of a batch go to others after a cancellation",
        "storage/requests/batching.py",
        "        wanted = wanted[: places[len(outcomes)]]\n",
        "        wanted = wanted[: len(outcomes)]\n",
        tests_in(_BATCHES, "test_whoever_was_cancelled_meanwhile_is_left_out_of_the_next_batch"),
    ),
    Planted(
        "assignments that were not sent count as not replicated",
        "storage/partition/batchers.py",
        "            raise Partly([each if isinstance(each, NeverRuns) else problem for each in created])\n",
        "            raise problem\n",
        tests_in(
            "integration/test_replication",
            "test_each_of_many_heavy_assignments_is_carried_out_before_it_is_told",
        ),
    ),
    Planted(
        "claims stay as heavy over a link that is too slow for them",
        "execution/claim_weight.py",
        "            self.goal = max(_LEAST, min(self.goal // 2, int(weight * _AIM_SECONDS / seconds)))\n        elif",
        "            pass\n        elif",
        tests_in(_WEIGHT, "test_over_a_slow_link_claims_take_about_half_of_the_window"),
    ),
    Planted(
        "claims never become heavier again",
        "execution/claim_weight.py",
        "self.goal = min(MAX_CLAIM_BYTES, self.goal + more)",
        "pass",
        tests_in(_WEIGHT, "test_over_a_fast_link_it_is_soon_as_heavy_as_it_may_be"),
    ),
    Planted(
        "each slow claim is told",
        "execution/claim_weight.py",
        "        self._is_told = True\n",
        "",
        tests_in(_WEIGHT, "test_a_link_that_proves_slow_is_told_once"),
    ),
    Planted(
        "a sync holds all records of a chunk",
        "services/sync.py",
        "        if chunk and weight > MAX_BATCH_BYTES:",
        "        if False:",
        tests_in("unit/test_sync_chunks", "test_chunks_are_bounded_in_bytes"),
    ),
)
