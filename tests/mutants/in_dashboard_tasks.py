"""Bugs of the dashboard's pages of tasks: what they show, what they hide, and what they change."""

from typing import Final

from .planted import Planted, tests_in

_TASKS: Final = "dashboard/test_tasks"
_TASK: Final = "dashboard/test_task"
_BULK: Final = "dashboard/test_bulk"
_EDIT: Final = "dashboard/test_edit"
_PAYLOADS: Final = "dashboard/test_payloads"

ALL: Final = (
    Planted(
        "characters that cannot be seen are shown as they are",
        "dashboard/visible.py",
        'format(escaped("".join(some)))',
        'format("".join(some))',
        tests_in(_TASKS, "test_ids_of_all_characters_are_shown_and_linked"),
    ),
    Planted(
        "a form carries the id as it is, and a browser changes its line ends",
        "dashboard/templates/task_parts.html",
        'name="task" value="{{ id|quoted }}"',
        'name="task" value="{{ id }}"',
        tests_in(_TASK, "test_a_dead_task_is_shown_and_revived"),
    ),
    Planted(
        "two searches go on at a time",
        "dashboard/guard/turns.py",
        "                await self._lock.acquire()\n",
        "                pass\n",
        tests_in(_TASKS, "test_one_search_goes_on_at_a_time"),
    ),
    Planted(
        "a search forgets how far it came",
        "dashboard/pages/tasks.py",
        "max(looked + page.looked, before + len(rows))",
        "max(page.looked, len(rows))",
        tests_in(_TASKS, "test_a_search_tells_how_far_it_is_and_goes_on"),
    ),
    Planted(
        "a search that is stopped goes on",
        "dashboard/static/tasks.js",
        'stop.addEventListener("click", () => stopping.abort());',
        'stop.addEventListener("click", () => {});',
        tests_in("dashboard/test_tasks_in_browser", "test_a_search_goes_on_by_itself_and_is_stopped"),
    ),
    Planted(
        "numbers in JSON are rounded",
        "dashboard/payloads.py",
        "    for part in _TOKEN.findall(text):\n",
        "    for part in _TOKEN.findall(json.dumps(json.loads(text))):\n",
        tests_in(_PAYLOADS, "test_json_keeps_every_digit_and_every_name"),
    ),
    Planted(
        "a payload is shown if the function that hides it fails",
        "dashboard/payloads.py",
        "ascii(task_id))\n        return None\n",
        "ascii(task_id))\n        return data\n",
        tests_in(_PAYLOADS, "test_a_payload_is_not_shown_if_redact_fails"),
    ),
    Planted(
        "a file has what is hidden on the page",
        "dashboard/pages/payload.py",
        "data = allowed(look.redact, task_id, task.data)",
        "data: str | bytes | None = task.data",
        tests_in(_TASK, "test_what_is_redacted_is_shown_nowhere"),
    ),
    Planted(
        "the form has the payload that is hidden on the page",
        "dashboard/editing/payload_field.py",
        "    if seen != data:\n",
        "    if seen is None:\n",
        tests_in(_TASK, "test_what_is_redacted_is_shown_nowhere"),
    ),
    Planted(
        "many tasks are changed without a yes",
        "dashboard/actions/many.py",
        '    if not form.get("sure"):\n        problem = _unsure(form)\n',
        '    problem = None\n    if form.get("sure") == "no":\n        problem = _unsure(form)\n',
        tests_in(_BULK, "test_nothing_is_changed_without_a_yes"),
    ),
    Planted(
        "more tasks are changed than were counted",
        "dashboard/actions/many.py",
        "    elif count.found > said:\n",
        "    elif count.is_too_many:\n",
        tests_in(_BULK, "test_more_tasks_than_were_counted_are_asked_about_again"),
    ),
    Planted(
        "any number of tasks is changed at once",
        "dashboard/walk.py",
        "        return self.found > MOST\n",
        "        return self.found < 0\n",
        tests_in(_BULK, "test_too_many_are_left_to_the_command_line"),
    ),
    Planted(
        "one task that cannot be changed holds up the others",
        "dashboard/actions/many.py",
        "return_exceptions=True",
        "return_exceptions=False",
        tests_in(_BULK, "test_one_that_cannot_be_changed_holds_up_no_other"),
    ),
    Planted(
        "a change by somebody else is overwritten",
        "dashboard/actions/saving.py",
        "    if others := meanwhile(basis, basis_of(was, seen)):\n",
        "    if others := meanwhile(basis, basis):\n",
        tests_in(_EDIT, "test_a_change_by_somebody_else_is_told"),
    ),
    Planted(
        "a form gives a task all that it says, and not what was changed",
        "dashboard/editing/draft.py",
        " and value != now[name]",
        "",
        tests_in(_EDIT, "test_a_form_that_was_not_touched_changes_nothing"),
    ),
    Planted(
        "a form loses the end of a duration",
        "dashboard/editing/values.py",
        "    if left_ms or not parts:\n",
        "    if not parts:\n",
        tests_in(_EDIT, "test_durations_and_moments_lose_nothing"),
    ),
    Planted(
        "a task of a paused namespace is said to run soon",
        "dashboard/actions/one.py",
        "        if await whole_pause(look):\n",
        "        if not task_id:\n",
        tests_in(_TASK, "test_a_pause_of_all_is_told_where_a_task_seems_to_go_on"),
    ),
    Planted(
        "a preview counts another interval from now",
        "dashboard/editing/preview.py",
        "before + 0.001 if wanted.rules.spread else before + every",
        "before + 0.001 if wanted.rules.spread else now.timestamp() + every",
        tests_in(_EDIT, "test_a_preview_comes_true"),
    ),
    Planted(
        "a new task takes the place of one that is there",
        "dashboard/actions/saving.py",
        "        if await look.scheduler.has_task(task_id):\n",
        "        if not task_id:\n",
        tests_in(_EDIT, "test_a_new_task_is_added_once"),
    ),
    Planted(
        "a page for some is shown to all",
        "dashboard/serving.py",
        "return self._handler(page.level, show, as_json=False)",
        'return self._handler("read", show, as_json=False)',
        tests_in("dashboard/test_pages", "test_pages_of_a_level_are_for_nobody_below_it"),
    ),
    Planted(
        "the form of one person replaces what another one saved at the same moment",
        "dashboard/actions/saving.py",
        '        if form.get("step") == "save":\n',
        '        if form.get("step") == "never":\n',
        tests_in(
            "dashboard/test_at_once",
            "test_of_those_who_add_an_id_at_once_one_does",
            "test_of_those_who_change_a_task_at_once_one_does",
        ),
    ),
)
