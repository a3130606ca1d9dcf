"""Bugs of the commands that change tasks: what they do without being told, and what they say of it."""

from typing import Final

from .planted import Planted, tests_in

_MANY: Final = "cli/test_changing_many"
_LOST: Final = "cli/test_changing_lost"
_ONE: Final = "cli/test_changing_one"

ALL: Final = (
    Planted(
        "no answer is a yes",
        "cli/changing/asking.py",
        'not in ("y", "yes")',
        'in ("n", "no")',
        tests_in("cli/test_changing_asks", "test_yes_and_no"),
    ),
    Planted(
        "a dry run is none",
        "cli/changing/many.py",
        "look if dry_run else make",
        "make",
        tests_in(_MANY, "test_each_id_has_an_answer"),
    ),
    Planted(
        "a dry run with a prefix asks and goes on",
        "cli/changing/many.py",
        "        tell_dry_run(settings, change.past, count, ids)\n    else:\n",
        "        tell_dry_run(settings, change.past, count, ids)\n        yes = True\n    if True:\n",
        tests_in(_MANY, "test_by_a_prefix"),
    ),
    Planted(
        "nothing to do with a prefix is told as done",
        "cli/changing/many.py",
        "    if not count:\n",
        "    if False:\n",
        tests_in(_MANY, "test_by_a_prefix"),
    ),
    Planted(
        "a dry run names all tasks",
        "cli/changing/many.py",
        "if len(ids) >= min(count, _NAMED):",
        "if False:",
        tests_in(_MANY, "test_a_dry_run_names_the_first_tasks"),
    ),
    Planted(
        "a reason is checked when something was said",
        "cli/commands/changing.py",
        'metavar="TEXT", callback=_reason',
        'metavar="TEXT"',
        tests_in(_ONE, "test_bad_values_are_told_before_anything_is_sent"),
    ),
    Planted(
        "a start that does not count is dropped in silence",
        "cli/commands/assign.py",
        'if result == "updated" and',
        "if False and",
        tests_in(_ONE, "test_a_start_that_does_not_count_is_told"),
    ),
    Planted(
        "a partition that is away is told as done",
        "cli/changing/steps.py",
        "                code = code_of(error)\n",
        "                code = DONE\n",
        tests_in(_LOST, "test_one_of_three_partitions_is_down"),
    ),
    Planted(
        "a call under way at an interrupt is not told",
        "cli/changing/steps.py",
        "            finally:\n                report.add(step)\n",
        "            report.add(step)\n",
        tests_in(_LOST, "test_an_interrupt_says_what_was_done"),
    ),
    Planted(
        "a signal ends a command where it stands",
        "cli/frame/interrupts.py",
        "        if received:\n",
        "        if True:\n",
        tests_in(_LOST, "test_an_interrupt_says_what_was_done"),
    ),
    Planted(
        "the work stops with its reader",
        "cli/changing/steps.py",
        "            mute()  #",
        "            raise  #",
        tests_in(_MANY, "test_a_reader_that_leaves_does_not_stop_the_work"),
    ),
    Planted(
        "ids that are no UTF-8 become others",
        "cli/options/ids.py",
        '"surrogateescape"',
        '"replace"',
        tests_in(_MANY, "test_odd_ids"),
    ),
    Planted(
        "ids go to the server one by one",
        "cli/changing/steps.py",
        "_AT_ONCE: Final = 2_000",
        "_AT_ONCE: Final = 1",
        tests_in(_MANY, "test_thousands_of_ids_share_round_trips"),
    ),
    Planted(
        "a dead task that is scheduled again is taken off",
        "cli/changing/changes.py",
        "        if await scheduler.has_task(task_id):\n            return False\n        await",
        "        await",
        tests_in(_MANY, "test_dead_tasks"),
    ),
    Planted(
        "a rule that is taken off is left",
        "cli/options/rules.py",
        "        for name, value in options.items()\n        if value is not None\n",
        "        for name, value in options.items()\n        if value not in (None, Off.OFF)\n",
        tests_in(_ONE, "test_only_what_is_given_is_edited"),
    ),
    Planted(
        "a payload from a file is cut off",
        "cli/options/payloads.py",
        "_MOST_BYTES: Final = 1 << 20",
        "_MOST_BYTES: Final = 1 << 7",
        tests_in(_ONE, "test_payloads_come_from_files_and_stdin"),
    ),
    Planted(
        "the environment is stronger than the command line",
        "cli/frame/connecting.py",
        "    if settings.timeout is not None:\n",
        "    if settings.timeout is not None and not options_from(os.environ):\n",
        tests_in(_ONE, "test_the_time_that_a_server_may_take"),
    ),
)
