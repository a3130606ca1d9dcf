"""Bugs to plant in lists that are read ahead, and in what exports and restores."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_LISTING: Final = "unit/test_listing"
_BACKUP: Final = "semantics/test_backup"
_SEVERAL: Final = "integration/test_backup"

ALL: Final = (
    Planted(
        "a restore takes the pause of another one's place",
        "services/restoring.py",
        "self._note(header.paused_for), keeps=True)",
        "self._note(header.paused_for))",
        tests_in("integration/test_backup", "test_a_pause_that_a_restore_put_in_force_half_way_is_completed"),
    ),
    Planted(
        "who paused a task is not in its backup",
        "model/backup_reading.py",
        '    pause = _pause(found) if letter == "p" else b""\n',
        '    pause = b""\n',
        tests_in("semantics/test_backup", "test_pauses_keep_their_reasons"),
    ),
    Planted(
        "the next page is asked for when this one is used up",
        "storage/ahead.py",
        "            await asyncio.sleep(0)  # the request goes out now: who uses the page may not give way to it\n",
        "",
        tests_in(_LISTING, "test_one_page_is_asked_for_ahead"),
    ),
    Planted(
        "who stops reading a list leaves a request behind",
        "storage/ahead.py",
        "            asked.cancel()\n            await asyncio.wait([asked])\n",
        "            pass\n",
        tests_in(_LISTING, "test_who_stops_early_leaves_nothing_behind"),
    ),
    Planted(
        "a list of several partitions has tasks of one due time in any order",
        "storage/listing.py",
        "(bisect_right if n < at else bisect_left)",
        "(bisect_left if n < at else bisect_right)",
        tests_in(_LISTING, "test_pages_are_merged_as_if_row_by_row"),
    ),
    Planted(
        "a plain task in a list lacks a field",
        "model/plain.py",
        "self.cron = self.group = self.claimed_at = self.planned = None",
        "self.cron = self.group = self.claimed_at = None",
        tests_in(_LISTING, "test_a_plain_task_is_as_any_other"),
    ),
    lua(
        "a task that exists is restored all the same",
        "restore",
        "replace_arg == '1' and 'r' or '0'",
        "'r'",
        tests_in(_BACKUP, "test_conflicts"),
    ),
    lua(
        "a restore is carried out twice",
        "restore",
        "if done then",
        "if false then",
        tests_in(_SEVERAL, "test_a_lost_reply_restores_nothing_twice"),
    ),
    lua(
        "a task that is replaced keeps its lease",
        "restore",
        "  local makes_room = end_leases(replaced, now, due_key, leased_key, leases_key, groups_key)\n",
        "  local makes_room = false\n",
        tests_in(_BACKUP, "test_a_task_that_is_replaced_loses_all_it_had"),
    ),
    lua(
        "a task that is replaced is still said to fail",
        "restore",
        "  delete_members(none[6], { failing_key })\n",
        "",
        tests_in(_BACKUP, "test_a_task_that_is_replaced_loses_all_it_had"),
    ),
    lua(
        "a task that is replaced stands at two places",
        "restore",
        "    delete_members(others, { set })\n",
        "",
        tests_in(_BACKUP, "test_conflicts"),
    ),
    lua(
        "a task is restored past the index of its tag",
        "restore",
        "      fresh[#fresh + 1] = id\n",
        "",
        tests_in(_BACKUP, "test_all_kinds_of_tasks_go_out_and_come_back"),
    ),
    lua(
        "a restored group has no bound",
        "_packed",
        "    call('SET', groups .. 'in-use', 1)\n",
        "",
        tests_in(_BACKUP, "test_a_restored_group_keeps_its_bound"),
    ),
    lua(
        "an export forgets that a leased task is to rest",
        "export",
        "      letter = is_paused and 'm' or 'l'\n",
        "      letter = 'l'\n",
        tests_in(_BACKUP, "test_a_leased_task_comes_back_as_one_that_waits"),
    ),
    Planted(
        "a backup without an end is taken for a whole one",
        "services/restoring.py",
        "if walk.expected != walk.found:",
        "if walk.expected not in (None, walk.found):",
        tests_in(_BACKUP, "test_a_backup_that_was_cut_short_is_noticed"),
    ),
    Planted(
        "a restore takes true for a moment",
        "model/backup_checks.py",
        "    if type(value) is not int:  # a bool is none\n",
        "    if not isinstance(value, int):\n",
        tests_in(_BACKUP, "test_a_bad_line_is_named_and_nothing_of_its_batch_is_written"),
    ),
    Planted(
        "a restore passes over what it does not know",
        "model/backup_reading.py",
        "    if not found.keys() <= _FIELDS:\n",
        "    if False:\n",
        tests_in(_BACKUP, "test_a_bad_line_is_named_and_nothing_of_its_batch_is_written"),
    ),
    Planted(
        "a restore puts its quotas over those that are set",
        "services/restoring.py",
        "return before if has_some and not self._replace else restored",
        "return restored",
        tests_in(_BACKUP, "test_pause_and_quotas"),
    ),
    Planted(
        "an export does not tell of the pause",
        "storage/exporting.py",
        "paused = any(state.is_paused for state, _ in states)",
        "paused = False",
        tests_in(_BACKUP, "test_pause_and_quotas"),
    ),
    Planted(
        "a restore puts a task that moves at its new home although it is at the old one",
        "storage/routes.py",
        "home.restore.submit(part) if migration is None else migration.restore(old, home, part)",
        "home.restore.submit(part)",
        tests_in(_SEVERAL, "test_while_tasks_move"),
    ),
    Planted(
        "a restore takes tasks of bounded groups without a tag",
        "storage/partition/restoring.py",
        "        await self._tags.require(",
        "        str(",
        tests_in(_SEVERAL, "test_into_another_number_of_partitions"),
    ),
    Planted(
        "two lines of one id count once",
        "services/restoring.py",
        "            self._twice += 1\n",
        "",
        tests_in(_BACKUP, "test_conflicts"),
    ),
    Planted(
        "a line that cannot be restored is written",
        "model/backup_writing.py",
        "        _read_again(written)\n",
        "        pass\n",
        tests_in("semantics/test_backup", "test_what_somebody_else_wrote_does_not_spoil_a_backup"),
    ),
)
