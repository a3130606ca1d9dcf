"""Bugs by which a call in doubt undoes a later one."""

from typing import Final

from .planted import Planted, lua, tests_in

_ORDER: Final = "integration/test_order"
_ROUNDS: Final = "unit/test_rounds"
_TURNS: Final = "unit/test_turns"

ALL: Final = (
    Planted(
        "a call overtakes an earlier one of another kind on the same id",
        "storage/requests/rounds.py",
        "            if any(kind is not other and",
        "            if False and any(kind is not other and",
        tests_in(_ROUNDS, "test_calls_on_one_id_keep_their_order"),
    ),
    Planted(
        "the kind with the most calls keeps its turn",
        "storage/requests/rounds.py",
        "            if lane.portions:\n                lanes[kind] = lane",
        "            if lane.portions:\n                others = dict(lanes)\n"
        "                lanes.clear()\n                lanes.update({kind: lane, **others})",
        tests_in(_ROUNDS, "test_a_kind_with_many_calls_lets_the_others_have_their_turn"),
    ),
    Planted(
        "changes of all tasks have a session of their own",
        "storage/partition/batchers.py",
        "_WholeChanges(partition, changes.session)",
        "_WholeChanges(partition, Session(partition, options.storage.operation_timeout_seconds))",
        tests_in(_ORDER, "test_a_late_copy_changes_nothing"),
    ),
    Planted(
        "removals have a session of their own",
        "storage/partition/batchers.py",
        "        return await assigning.remove(session, ",
        "        self.removing = getattr(self, 'removing', None) or Session(self._partition, 1)\n"
        "        return await assigning.remove(self.removing, ",
        tests_in(_ORDER, "test_a_late_copy_changes_nothing"),
    ),
    Planted(
        "what its caller gave up is sent again",
        "storage/requests/callers.py",
        "position for position, future in enumerate(self._futures) if not future.done()",
        "position for position, _ in enumerate(self._futures)",
        tests_in(_TURNS, "test_a_repetition_leaves_out_whoever_gave_up"),
    ),
    Planted(
        "the reply to a shortened repetition is not laid out",
        "storage/requests/session.py",
        "            reply = items.whole(reply)",
        "            pass",
        tests_in("integration/test_order", "test_a_repetition_without_those_who_gave_up"),
    ),
    Planted(
        "an applied hint outdates nothing",
        "storage/partition/batchers.py",
        "detour.assign(calls, self.session.outdate(), callers)",
        "detour.assign(calls, b'%s 1' % self.session.name, callers)",
        tests_in(_ORDER, "test_an_applied_hint_outdates_what_was_in_doubt"),
    ),
    lua(
        "the number of a hint's writer is not kept",
        "_in_order",
        "      redis.pcall('SET', key, sequence .. ' ', 'PX', REPLY_KEPT_MS)\n",
        "",
        tests_in(_ORDER, "test_an_applied_hint_outdates_what_was_in_doubt"),
    ),
    lua(
        "a hint that came late is applied",
        "_in_order",
        "  if done > tonumber(match(stamp, ' %d+:(%d+)')) then",
        "  if false then",
        tests_in(_ORDER, "test_a_hint_that_comes_late_is_left_out"),
    ),
    Planted(
        "a call on a task that moves overtakes the one before",
        "storage/topology/migration.py",
        "            await asyncio.wait([before])",
        "            pass",
        tests_in("integration/test_moving", "test_calls_on_a_task_that_moves_keep_their_order"),
    ),
    Planted(
        "the namespace is cleared one partition after the other",
        "storage/namespace.py",
        "await asyncio.gather(*[each.clear.submit(note) for each in partitions])",
        "[await each.clear.submit(note) for each in partitions]",
        tests_in(_ORDER, "test_what_concerns_all_tasks_comes_before_later_calls_on_every_partition"),
    ),
    Planted(
        "a call that is given up lets a later one pass while its task moves",
        "storage/topology/migration.py",
        "await asyncio.wait([call] if before is None else [before, call])",
        "await asyncio.wait([call])",
        tests_in("unit/test_migration", "test_a_call_that_is_given_up_lets_no_later_one_pass"),
    ),
    Planted(
        "after a move, a call goes to both homes",
        "storage/topology/migration.py",
        "        if self.is_over:\n            return await batcher.submit(item)\n",
        "",
        tests_in("unit/test_migration", "test_a_later_call_waits_for_one_that_is_under_way_when_the_move_ends"),
    ),
    lua(
        "a step overtakes an earlier one that is to be repeated",
        "control",
        "    changed[id] = result == 'c'\n",
        "",
        tests_in("scripts/test_control", "test_a_later_step_does_not_overtake_one_that_is_to_be_repeated"),
    ),
)
