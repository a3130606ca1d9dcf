"""Bugs of hash tags, and of the calls on all tasks with a prefix."""

from typing import Final

from .planted import Planted, lua, tests_in

_SCRIPT: Final = "scripts/test_tags"
_CALLS: Final = "semantics/test_tags"
_SERVERS: Final = "integration/test_tags"
_PLACES: Final = "unit/test_placement"

ALL: Final = (
    Planted(
        "the whole id decides the home, whatever its hash tag",
        "model/placement.py",
        "raw_id = tag_of(raw_id) or raw_id",
        "raw_id = raw_id or tag_of(raw_id)",
        tests_in(_PLACES, "test_all_ids_of_a_tag_have_one_home"),
    ),
    Planted(
        "a hash tag ends at the last brace",
        "model/placement.py",
        'tag, end, _ = rest.partition(b"}")',
        'tag, end, _ = rest.rpartition(b"}")',
        tests_in(_PLACES, "test_the_hash_tag_is_that_of_redis_cluster", "test_the_hash_tag_of_an_id"),
    ),
    lua(
        "new tasks are not added to the index of their hash tag",
        "_tags",
        "    add_to_tags(tasks_key, fresh)\n",
        "    by_tag(fresh)\n",
        tests_in(_SCRIPT, "test_new_tasks_are_added"),
    ),
    lua(
        "tasks that are over stay in the index of their hash tag",
        "_tags",
        "    take_from_tags(tasks_key, ids)\n",
        "    by_tag(ids)\n",
        tests_in(_SCRIPT, "test_tasks_that_are_over_leave_no_index"),
    ),
    lua(
        "a script deletes records behind the back of the index",
        "complete",
        "    delete_records(tasks_key, gone)\n",
        "    delete_fields(gone, { tasks_key })\n",
        tests_in(
            _SCRIPT,
            "test_tasks_that_are_over_leave_no_index",
            "test_only_the_shared_functions_write_and_delete_records",
        ),
    ),
    lua(
        "tasks that arrive from another partition are not indexed",
        "move_in",
        "    arrivals.fresh[#arrivals.fresh + 1] = id\n",
        "",
        tests_in(_SCRIPT, "test_tasks_that_move_are_in_the_index_of_their_partition"),
    ),
    lua(
        "an update adds to the index once more",
        "assign",
        "    if has_tags and not due and not lease then\n      fresh",
        "    if has_tags then\n      fresh",
        tests_in(_SCRIPT, "test_an_update_does_not_look_at_the_index"),
    ),
    lua(
        "a hash tag without tasks stays among those in use",
        "_tags",
        "    call('ZREM', in_use, unpack(unused))\n",
        "",
        tests_in(_SCRIPT, "test_tasks_that_are_over_leave_no_index"),
    ),
    lua(
        "a clear leaves the index of hash tags as it is",
        "_tags",
        "    note_generations(tags, now + 1, oldest)\n  end\n  return",
        "  end\n  return",
        tests_in(_SCRIPT, "test_a_clear_hides_the_index_at_once_and_unlinks_it_in_steps"),
    ),
    lua(
        "what a dead clear left is unlinked by nobody",
        "_tags",
        "    drop_former_tags(tags, BY_THE_WAY)\n",
        "",
        tests_in(_SCRIPT, "test_what_a_clear_left_does_not_come_back_and_goes_by_the_way"),
    ),
    lua(
        "a clear unlinks the index of all hash tags in one step",
        "_tags",
        "local AT_A_TIME, BY_THE_WAY = 500, 20",
        "local AT_A_TIME, BY_THE_WAY = 7000, 20",
        tests_in(_SCRIPT, "test_a_clear_hides_the_index_at_once_and_unlinks_it_in_steps"),
    ),
    lua(
        "a prefix with a hash tag finds all that comes behind it",
        "_tags",
        "first, '(' .. beyond, 'LIMIT'",
        "first, '+', 'LIMIT'",
        tests_in(_SCRIPT, "test_a_prefix_with_a_tag_finds_the_ids_of_the_tag"),
    ),
    lua(
        "the steps over a hash tag begin with the last id once more",
        "_tags",
        "'[' .. least or '(' .. behind",
        "'[' .. least or '[' .. behind",
        tests_in(_SCRIPT, "test_a_large_tag_is_found_in_steps"),
    ),
    lua(
        "dead tasks are found by their hash tag",
        "sweep",
        "if wanted[n] ~= 1 and not died[n] then",
        "if wanted[n] ~= 1 then",
        tests_in(_CALLS, "test_dead_tasks_are_not_counted_and_go_with_a_clear"),
    ),
    lua(
        "a sync of a hash tag removes what it wants",
        "sweep",
        "if wanted[n] ~= 1 and not died[n] then",
        "if not died[n] then",
        tests_in(_SCRIPT, "test_marked_and_dead_ids_are_left_out"),
    ),
    lua(
        "an audit does not see that a task is missing in the index",
        "audit",
        "  if found.tagged == false then",
        "  if found.tagged == 0 then",
        tests_in(_SCRIPT, "test_an_audit_adds_what_is_missing"),
    ),
    lua(
        "an audit leaves in the index what belongs to no task",
        "_audit_repairs",
        "  take_from_tags(tasks_key, { id })\n",
        "",
        tests_in(_SCRIPT, "test_an_audit_deletes_what_belongs_to_no_task"),
    ),
    lua(
        "a hash tag of another type keeps runs from their ends",
        "_tags",
        "redis.pcall('ZREM', key, unpack(members[tag]))",
        "call('ZREM', key, unpack(members[tag]))",
        tests_in(_SCRIPT, "test_a_tag_of_another_type_keeps_no_run_from_its_end"),
    ),
    Planted(
        "the list of a hash tag is in the order of its ids",
        "storage/prefixes.py",
        "        return sorted(found)\n",
        "        return found\n",
        tests_in(_CALLS, "test_a_list_of_a_tag_is_in_the_order_of_any_list"),
    ),
    Planted(
        "calls on a hash tag walk over the namespace",
        "storage/prefixes.py",
        "cursor, MAX_BATCH, self._raw, marked",
        'cursor, MAX_BATCH, self._raw.partition(b"}")[0], marked',
        tests_in(_CALLS, "test_a_tag_costs_what_the_tag_costs"),
    ),
    Planted(
        "calls on a hash tag forget the home that it leaves",
        "storage/prefixes.py",
        "        return [migration.old_home(self._raw), home]\n",
        "        return [home]\n",
        tests_in(_SERVERS, "test_calls_on_a_tag_while_it_moves"),
    ),
    Planted(
        "calls by prefix forget the tasks that are on their way",
        "storage/prefixes.py",
        "                    await migration.forward(old)\n",
        "                    await migration.moved(old)\n",
        tests_in(_SERVERS, "test_calls_on_a_tag_while_it_moves"),
    ),
    Planted(
        "a clear by prefix does not wait for runs that may start",
        "services/by_prefix.py",
        "wait_ms = max([wait_ms, *(one.wait_ms for one in answers.given)])",
        "wait_ms = 0",
        tests_in(_CALLS, "test_no_run_starts_after_a_clear"),
    ),
    Planted(
        "a clear by prefix leaves dead tasks behind",
        "services/by_prefix.py",
        "tasks.walks(with_dead=True)",
        "tasks.walks(with_dead=False)",
        tests_in(_CALLS, "test_dead_tasks_are_not_counted_and_go_with_a_clear"),
    ),
    Planted(
        "the progress is told at the end only",
        "services/by_prefix.py",
        "            looked += step.looked\n            _tell(progress, done, looked)\n\n    await",
        "            looked += step.looked\n        _tell(progress, done, looked)\n\n    await",
        tests_in(_CALLS, "test_the_progress_is_told"),
    ),
    Planted(
        "a clear of all tasks ends before the index is unlinked",
        "storage/namespace.py",
        "                    await self._drop_tags(partition)\n",
        "                    pass\n",
        tests_in(_CALLS, "test_a_clear_of_all_leaves_nothing_of_a_tag"),
    ),
    Planted(
        "a database of a release without hash tags is used as it is",
        "storage/scripts/membership.py",
        "        if stored.schema == _BEFORE_TAGS:\n            raise",
        "        if stored.schema == _BEFORE_TAGS:\n            return\n            raise",
        tests_in(_SERVERS, "test_a_database_from_before_is_refused_with_the_way_to_go"),
    ),
)
