"""Bugs to plant in the calls that show what there is."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_SCRIPTS: Final = "scripts/test_looking"
_CALLS: Final = "semantics/test_looking"
_MOVING: Final = "integration/test_moving"

ALL: Final = (
    lua(
        "a task that waits is taken for a dead one",
        "look_dead",
        "if not died then",
        "if false then",
        tests_in(_SCRIPTS, "test_a_dead_task_by_its_id"),
    ),
    lua(
        "a dead task that is looked up has no error",
        "look_dead",
        "extras_of(errors_key, { id_arg })[1] or false",
        "false",
        tests_in(_SCRIPTS, "test_a_dead_task_by_its_id"),
    ),
    Planted(
        "a dead task is looked for at the master alone",
        "storage/routes.py",
        "        row = await lookup.look_dead(home.gate, raw_id)\n",
        "        row = await lookup.look_dead(self.master.gate, raw_id)\n",
        tests_in(_CALLS, "test_a_dead_task_by_its_id"),
    ),
    Planted(
        "a dead task that is to move is not looked for at its old home",
        "storage/routes.py",
        "(row := await lookup.look_dead(old.gate, raw_id)) is not None",
        "(row := None) is not None",
        tests_in(_MOVING, "test_dead_tasks_are_found_wherever_they_are_while_they_move"),
    ),
    Planted(
        "a dead task on its way is not waited for",
        "storage/routes.py",
        "            await migration.arrival(raw_id)\n",
        "",
        tests_in(_MOVING, "test_dead_tasks_are_found_wherever_they_are_while_they_move"),
    ),
    lua(
        "an overview forgets the ended leases among those due",
        "overview",
        "due + call('ZCOUNT', leased_key, '-inf', now) + parked",
        "due + parked",
        tests_in(_SCRIPTS, "test_all_numbers"),
    ),
    lua(
        "the next due time is that of a task that is due",
        "overview",
        "  due_at(due),\n",
        "  due_at(0),\n",
        tests_in(_SCRIPTS, "test_all_numbers"),
    ),
    Planted(
        "a pause with a reason has no moment",
        "storage/commands/looking.py",
        'halt.partition(b" ")[0]',
        "halt",
        tests_in(_SCRIPTS, "test_all_numbers"),
    ),
    Planted(
        "an offline partition fails the overview",
        "storage/overview.py",
        "    except AWAY:\n        return None\n",
        "    except AWAY:\n        raise\n",
        tests_in(_CALLS, "test_a_partition_that_is_offline_is_an_entry"),
    ),
    Planted(
        "an offline partition fails a page",
        "storage/merging.py",
        "            self.problem, self._is_over = problem, True\n            return\n",
        "            self.problem, self._is_over = problem, True\n            raise\n",
        tests_in(_CALLS, "test_a_partition_that_is_offline_is_an_entry"),
    ),
    Planted(
        "a large page ends too early",
        "storage/merging.py",
        "self._is_over = not may_follow or not found",
        "self._is_over = True",
        tests_in(_CALLS, "test_a_large_page_is_read_in_parts"),
    ),
    Planted(
        "equal due times are in no order",
        "storage/merging.py",
        "return float(place.mark.score), place.mark.id",
        'return float(place.mark.score), b""',
        tests_in(_CALLS, "test_pages_in_due_order_over_partitions"),
    ),
    Planted(
        "a page is as heavy as its tasks",
        "storage/merging.py",
        " or weight + place.weight > MAX_READ_BYTES",
        "",
        tests_in(_CALLS, "test_a_page_is_bounded_in_bytes"),
    ),
    Planted(
        "parked tasks that were due before are shown",
        "storage/pages.py",
        "None if row is None or row.due_ms < from_ms else row",
        "None if row is None else row",
        tests_in(_CALLS, "test_parked_tasks_come_first_group_by_group"),
    ),
    Planted(
        "a page of failing tasks is as heavy as they are",
        "storage/pages.py",
        "if n and (is_unread or weight > lookup.MAX_READ_BYTES):",
        "if n and weight > 99 * lookup.MAX_READ_BYTES:",
        tests_in(_CALLS, "test_heavy_dead_and_failing_tasks"),
    ),
    lua(
        "a page of dead tasks that is cut seems to be the last",
        "dead",
        "  may_follow = true\n",
        "",
        tests_in(_SCRIPTS, "test_a_page_of_dead_tasks_is_bounded_in_bytes"),
    ),
    lua(
        "a search takes a prefix for a pattern",
        "search",
        "string.gsub(prefix_arg, '[*?%[\\\\]', '\\\\%0') .. '*'",
        "prefix_arg .. '*'",
        tests_in(_SCRIPTS, "test_a_search_changes_nothing"),
    ),
    lua(
        "a search reads heavy tasks without a bound",
        "search",
        " and weight < MOST_SCANNED do",
        " do",
        tests_in(_SCRIPTS, "test_heavy_tasks_are_read_within_a_bound"),
    ),
    lua(
        "a search finds without a bound",
        "search",
        "looked < count and #ids < wanted and",
        "looked < count and",
        tests_in(_SCRIPTS, "test_a_step_ends_when_enough_was_found"),
    ),
    lua(
        "a search by a tag goes on behind what it did not find",
        "search",
        "    ids, last = { unpack(ids, 1, found) }, former .. '{' .. rest\n",
        "    ids = { unpack(ids, 1, found) }\n",
        tests_in(_SCRIPTS, "test_heavy_tasks_of_a_tag"),
    ),
    Planted(
        "the task of that very id comes by chance",
        "storage/search.py",
        "        if reached is None:\n            await self._find_exact()\n",
        "",
        tests_in(_CALLS, "test_the_task_of_that_very_id_comes_first"),
    ),
    Planted(
        "the task of that very id comes twice",
        "storage/search.py",
        " and each != self._raw]",
        "]",
        tests_in(_CALLS, "test_the_task_of_that_very_id_comes_first"),
    ),
    Planted(
        "a search looks at more tasks than it may",
        "storage/search.py",
        "min(_STEP, budget - looked)",
        "_STEP",
        tests_in(_CALLS, "test_a_search_finds_each_once"),
    ),
    Planted(
        "the mark of one list is that of another",
        "model/cursors.py",
        " or parts[0] != kind.encode()",
        "",
        tests_in(_CALLS, "test_the_mark_of_another_list_is_refused"),
    ),
    Planted(
        "the mark of one search is that of another",
        "storage/search.py",
        "check != _check(prefix) or ",
        "",
        tests_in(_CALLS, "test_the_mark_of_another_list_is_refused"),
    ),
)
