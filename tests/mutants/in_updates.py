"""Bugs by which an update changes more than what is given, or less."""

from typing import Final

from .planted import Planted, lua, tests_in

_TASKS: Final = "semantics/test_update"
_SCRIPT: Final = "scripts/test_update"
_FAR: Final = "integration/test_updates"

ALL: Final = (
    lua(
        "an update forgets the rules that are not given",
        "update",
        "  for letter, value in pairs(task.rules) do\n    rules[letter] = value\n  end\n",
        "",
        tests_in(_SCRIPT, "test_rules_are_changed_in_place"),
    ),
    lua(
        "an update forgets rules that are not known here",
        "update",
        "table.concat(parts) .. others ..",
        "table.concat(parts) ..",
        tests_in(_SCRIPT, "test_a_rule_of_which_nothing_is_known_here_stays"),
    ),
    lua(
        "an update of rules moves the task",
        "update",
        "  if not (is_moved or is_redrawn) or is_last then",
        "  if is_last then",
        tests_in(_SCRIPT, "test_rules_are_changed_in_place"),
    ),
    lua(
        "an update takes the payload off",
        "update",
        "(data or string.sub(task.record, task.behind)) }, {})\n  end",
        "(data or '') }, {})\n  end",
        tests_in(_TASKS, "test_each_rule_is_changed_and_the_rest_is_kept"),
    ),
    lua(
        "a run in progress does not hear of other rules",
        "update",
        "if task.claim and task.mark == '' and header",
        "if false and header",
        tests_in(_TASKS, "test_a_run_in_progress_goes_on_and_then_the_new_rules_hold"),
    ),
    lua(
        "a run whose rules were updated has no further attempts",
        "fail",
        "(mark == '' or mark == 'k0')",
        "mark == ''",
        tests_in(_TASKS, "test_a_run_in_progress_keeps_its_attempts"),
    ),
    lua(
        "an update takes a run back that was asked for",
        "update",
        "if task.claim and task.mark == '' and header",
        "if task.claim and header",
        tests_in(_TASKS, "test_a_run_that_was_asked_for_is_kept"),
    ),
    lua(
        "an update brings a task back that is set aside",
        "update",
        "  if not record or not (lease or due) then",
        "  if not record then",
        tests_in(_SCRIPT, "test_what_is_not_scheduled_is_left_alone"),
    ),
    lua(
        "a plan for another time zone is taken",
        "update",
        "  plan = planned_for == planned_by(rules) and plan or nil\n",
        "",
        tests_in(_SCRIPT, "test_a_plan_is_for_one_expression"),
    ),
    lua(
        "a later update overtakes one that is repeated",
        "update",
        "again[id] = result == 'c' or result == 'e'",
        "again[id] = false",
        tests_in(_SCRIPT, "test_a_plan_is_for_one_expression"),
    ),
    lua(
        "another interval has the phase of the old one",
        "update",
        "'/' .. digits(phase_of(hash, interval))",
        "'/' .. digits(phase_of(hash, task.interval or interval))",
        tests_in(_SCRIPT, "test_a_spread_task_has_the_phase_of_its_new_interval"),
    ),
    lua(
        "the phase of a long interval loses digits",
        "update",
        "  return math.floor((hash * high + math.floor(hash * low / 1048576)) / 4096)",
        "  return math.floor(hash * interval / 4294967296) + 0 * high * low",
        tests_in(_SCRIPT, "test_a_phase_of_a_long_interval_has_all_its_digits"),
    ),
    lua(
        "the start of an update is ignored",
        "update",
        "  local is_moved = rule == 's'\n    or is_changed",
        "  local is_moved = is_changed",
        tests_in(_TASKS, "test_a_new_interval_counts_from_the_previous_time"),
    ),
    lua(
        "a task that gets another group still waits for room in the old one",
        "update",
        "  if task.parked or task.overdue then",
        "  if false then",
        tests_in(_TASKS, "test_another_group_has_room"),
    ),
    lua(
        "a task whose interval is taken off runs once more after its run",
        "update",
        "  local is_last = task.lease and",
        "  local is_last = false and",
        tests_in(_TASKS, "test_without_an_interval_the_run_in_progress_is_the_last"),
    ),
    lua(
        "an end before the next run is accepted",
        "update",
        "  elseif last and moment > last then",
        "  elseif last and moment > 9 * last then",
        tests_in(_TASKS, "test_what_does_not_fit_the_task_changes_nothing"),
    ),
    lua(
        "any rules fit each other",
        "update",
        "  if not fits(rules, interval, is_delay, is_spread) then",
        "  if false and not fits(rules, interval, is_delay, is_spread) then",
        tests_in(_TASKS, "test_what_does_not_fit_the_task_changes_nothing"),
    ),
    lua(
        "a time zone goes with each new expression",
        "update",
        "  if not rules.c and not (asked.z and rules.z) then",
        "  if not (asked.z and rules.z) then",
        tests_in(_TASKS, "test_one_repetition_takes_the_place_of_another"),
    ),
    Planted(
        "an update that does not fit is told as done",
        "storage/partition/updating.py",
        "                    self.answers[position] = error\n",
        "                    self.answers[position] = True\n",
        tests_in(_TASKS, "test_what_does_not_fit_the_task_changes_nothing"),
    ),
    Planted(
        "an update goes to the home that a moving task is to have",
        "storage/topology/migration.py",
        "call.id, call, self.old_home(call.id).if_exists.update, self.new_home(call.id).update",
        "call.id, call, self.new_home(call.id).if_exists.update, self.new_home(call.id).update",
        tests_in("integration/test_moving", "test_calls_bring_home_what_is_on_its_way"),
    ),
    Planted(
        "what is known of hints does not count as there",
        "storage/partition/batchers.py",
        "[None if row is None else True for row in await detour.look(ids)]",
        "[None for row in await detour.look(ids)]",
        tests_in(_FAR, "test_no_hint_is_kept_of_an_update"),
    ),
    Planted(
        "a backoff is forgotten without retries",
        "model/policy.py",
        '("b", self.backoff_ms if self.backoff_ms',
        '("b", self.backoff_ms if self.retries and self.backoff_ms',
        tests_in("semantics/test_to_task", "test_the_wire_form_has_all_rules"),
    ),
)
