"""Bugs of the pages of failing and dead tasks, of health and of the log of actions."""

from typing import Final

from .planted import Planted, tests_in

_ALL_DEAD: Final = "dashboard/test_all_dead"
_TROUBLE: Final = "dashboard/test_trouble"
_HEALTH: Final = "dashboard/test_health_and_log"

ALL: Final = (
    Planted(
        "each number in an error makes a group of its own",
        "dashboard/grouping.py",
        "_VARYING.sub(_ELLIPSIS, _QUOTED.sub(lambda found: found[0][0] + _ELLIPSIS + found[0][-1], line))",
        "_QUOTED.sub(lambda found: found[0][0] + _ELLIPSIS + found[0][-1], line)",
        tests_in(_TROUBLE, "test_errors_that_are_the_same"),
    ),
    Planted(
        "the smallest group comes first",
        "dashboard/grouping.py",
        "-group.count",
        "group.count",
        tests_in(_TROUBLE, "test_the_largest_group_comes_first"),
    ),
    Planted(
        "tasks are revived that are not ticked",
        "dashboard/actions/dead.py",
        'form.get("which") == "shown"',
        'form.get("which") != "picked"',
        tests_in(_TROUBLE, "test_what_a_form_of_dead_tasks_is_about"),
    ),
    Planted(
        "an id with a line end cannot be revived",
        "dashboard/actions/dead.py",
        'return [unquote(form["task"])]',
        'return [form["task"]]',
        tests_in(_TROUBLE, "test_an_odd_id_is_shown_as_text"),
    ),
    Planted(
        "more tasks are revived than one action may",
        "dashboard/actions/dead.py",
        "page.after, left - len(page.tasks)",
        "page.after, left",
        tests_in(_ALL_DEAD, "test_no_more_are_revived_than_one_action_may"),
    ),
    Planted(
        "more are forgotten than the question named",
        "dashboard/pages/sure.py",
        "    if count <= said:\n",
        "    if count:\n",
        tests_in(_ALL_DEAD, "test_more_than_was_told_is_asked_about_again"),
    ),
    Planted(
        "a clock that is ahead makes tasks of others late",
        "dashboard/figures/demand.py",
        "each.server_time - each.oldest_due\n",
        "max(other.server_time or 0.0 for other in overview.partitions) - each.oldest_due\n",
        tests_in("dashboard/test_figures", "test_a_clock_that_is_ahead_makes_no_task_of_another_partition_late"),
    ),
    Planted(
        "a moment beyond the last year breaks the form",
        "dashboard/editing/values.py",
        "        datetime.fromtimestamp(seconds, UTC)  # by its zone",
        "        # by its zone",
        tests_in("dashboard/test_edit", "test_errors_stand_beside_their_fields"),
    ),
    Planted(
        "who may operate forgets all dead tasks",
        "dashboard/actions/dead.py",
        'Action("clear-dead", "admin", ',
        'Action("clear-dead", "operate", ',
        tests_in(_TROUBLE, "test_buttons_and_actions_need_their_level"),
    ),
    Planted(
        "the second page is the first again",
        "dashboard/pages/setbacks.py",
        'look.query.get("after") or None',
        "None",
        tests_in(_TROUBLE, "test_all_of_them_page_by_page"),
    ),
    Planted(
        "nobody hears of a partition whose dead tasks are missing",
        "dashboard/pages/setbacks.py",
        "tuple(dict.fromkeys((*page.offline, *missing_in(overview))))",
        "()",
        tests_in(_TROUBLE, "test_a_partition_that_is_down_is_named"),
    ),
    Planted(
        "two audits run at the same time",
        "dashboard/auditing.py",
        "        if self.is_running:\n            return False\n",
        "",
        tests_in(_HEALTH, "test_one_audit_at_a_time_which_can_be_stopped"),
    ),
    Planted(
        "the traceback of an audit is lost",
        "dashboard/auditing.py",
        "            if problem.is_unexpected:\n",
        "            if False:\n",
        tests_in(_HEALTH, "test_an_audit_that_fails_says_why"),
    ),
    Planted(
        "an audit that was stopped at once seems to run for ever",
        "dashboard/auditing.py",
        "        self._task.add_done_callback(self._done)\n",
        "",
        tests_in(_HEALTH, "test_an_audit_that_is_stopped_before_its_first_step_has_ended"),
    ),
    Planted(
        "ten thousand faults are shown on one page",
        "dashboard/pages/health.py",
        "report.problems[:_FAULTS]",
        "report.problems",
        tests_in(_HEALTH, "test_an_audit_runs_and_its_result_is_kept"),
    ),
    Planted(
        "a box has no name for those who hear the page",
        "dashboard/templates/dead.html",
        ' aria-label="Select {{ task.id|escaped }}"',
        "",
        tests_in("dashboard/browser/test_everywhere", "test_each_page_is_for_all_people"),
    ),
)
