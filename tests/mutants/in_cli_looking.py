"""Bugs of the commands that look."""

from typing import Final

from .planted import Planted, tests_in

_TASKS: Final = "cli/test_looking_tasks"
_FIGURES: Final = "cli/test_looking_figures"
_PARTITIONS: Final = "cli/test_looking_partitions"
_TERMINAL: Final = "cli/test_looking_terminal"

ALL: Final = (
    Planted(
        "what a mistyped command may mean is not said",
        "cli/frame/lazy_group.py",
        "            fail_with_nearest(ctx, name, self._places)\n",
        "            fail_with_nearest(ctx, name, ())\n",
        tests_in("cli/test_completion", "test_the_nearest_command_is_named"),
    ),
    Planted(
        "a limited search shows what it found first",
        "cli/commands/list_tasks.py",
        "heapq.nsmallest(limit + 1, first + found, key=lambda task: (task.next_run, task.id))",
        "(first + found)[: limit + 1]",
        tests_in(_TASKS, "test_tasks_are_listed"),
    ),
    Planted(
        "a list keeps all that it read",
        "cli/output/paging.py",
        "    async with aclosing(pages):\n        async for tasks in pages:\n            some",
        "    async with aclosing(pages):\n        for tasks in [page async for page in pages]:\n            some",
        tests_in(_TASKS, "test_very_many_tasks_are_listed_while_they_are_read"),
    ),
    Planted(
        "a list that is cut says nothing",
        "cli/output/paging.py",
        "return Written(count, may_follow=True)",
        "return Written(count, may_follow=False)",
        tests_in(_TASKS, "test_tasks_are_listed"),
    ),
    Planted(
        "a list of a part of the tasks ends well",
        "cli/output/paging.py",
        "        away.update(page.offline)\n",
        "",
        tests_in(_PARTITIONS, "test_one_partition_of_three_is_killed"),
    ),
    Planted(
        "what is too old ends no list, and is listed",
        "cli/options/setbacks.py",
        "return self.is_recent(at) and (",
        "return (",
        tests_in(_TASKS, "test_dead_and_failing_tasks"),
    ),
    Planted(
        "a monitor does not hear of dead tasks",
        "cli/commands/dead.py",
        "    if fail_if_any and written.rows:\n",
        "    if fail_if_any and not written.rows:\n",
        tests_in(_TASKS, "test_dead_and_failing_tasks"),
    ),
    Planted(
        "an id steers the terminal",
        "cli/output/output.py",
        'return text if text.isprintable() else "".join(map(_shown, text))',
        "return text",
        tests_in(_TERMINAL, "test_a_terminal_has_tables_in_colours"),
    ),
    Planted(
        "a table is as wide as it likes",
        "cli/output/tables.py",
        "        return fit(widths, self._console.width, firm",
        "        return fit(widths, 10_000, firm",
        tests_in(_TERMINAL, "test_a_terminal_has_tables_in_colours"),
    ),
    Planted(
        "the first rows alone say how wide a state may be",
        "cli/output/tables.py",
        '    "state": len("waiting"),\n',
        "",
        tests_in(_TERMINAL, "test_tables_fit_the_terminal"),
    ),
    Planted(
        "an error has as many lines as it likes",
        "cli/output/tables.py",
        "join(lines[:_MOST_LINES])",
        "join(lines)",
        tests_in(_TERMINAL, "test_tables_fit_the_terminal"),
    ),
    Planted(
        "the bound of a lag is told as the lag",
        "cli/commands/stats.py",
        "    return f\"{'≤' if out.has_blocks else '<='} {duration_text(lag)}\"\n",
        "    return duration_text(lag)\n",
        tests_in(_FIGURES, "test_what_was_counted"),
    ),
    Planted(
        "an error names an argument of Python",
        "cli/frame/fields.py",
        "code_of(error) != USAGE",
        "code_of(error) == USAGE",
        tests_in("cli/test_changing_one", "test_bad_values_are_told_before_anything_is_sent"),
    ),
    Planted(
        "a group without a command shows its help",
        "cli/frame/lazy_group.py",
        "            args = [self._default, *args]\n",
        "            args = list(args)\n",
        tests_in(_PARTITIONS, "test_looking_needs_the_right_to_read_only"),
    ),
    Planted(
        "a run is said to go on since its scheduler told of it",
        "cli/top/panes.py",
        "max(0.0, card.last_seen - run.since)",
        "max(0.0, 2 + card.last_seen - run.since)",
        tests_in("cli/test_top_frame", "test_the_rows"),
    ),
    Planted(
        "who watches is seen among the schedulers",
        "cli/top/showing.py",
        "    async with connected(settings) as scheduler:\n        app = ",
        "    async with connected(settings, create=True) as scheduler:\n        app = ",
        tests_in(_PARTITIONS, "test_looking_writes_nothing_with_all_rights"),
    ),
    Planted(
        "a command that looks is seen among the schedulers",
        "cli/frame/connecting.py",
        "        if create:\n            await namespace.start_task_accept()\n",
        "        await namespace.start_task_accept()\n",
        tests_in(_FIGURES, "test_a_command_that_looks_is_no_scheduler"),
    ),
    Planted(
        "JSON in an output without emoji has escapes that JSON does not know",
        "cli/output/output.py",
        'is_ascii=not (sys.stdout.encoding or "").lower().startswith("utf")',
        "is_ascii=False",
        tests_in(_TERMINAL, "test_an_output_without_emoji"),
    ),
    Planted(
        "the help of a command loads it all",
        "cli/frame/connecting.py",
        '_Result = TypeVar("_Result")\n',
        '_Result = TypeVar("_Result")\n_SCHEDULER = interval_scheduler.Scheduler\n',
        tests_in("cli/test_budgets", "test_the_help_of_no_command_loads_a_client"),
    ),
)
