"""Bugs by which the data of a partition are lost in silence, or a loss is told that is none."""

from typing import Final

from .planted import Planted, lua, tests_in

_LOST: Final = "integration/test_data_lost"
_SCRIPTS: Final = "scripts/test_loss"
_EPOCH: Final = "scripts/test_epoch"

ALL: Final = (
    lua(
        "an empty database takes requests of schedulers that never enrolled in it",
        "_requests",
        "  if stored == known then",
        "  if not stored or stored == known then",
        tests_in(_EPOCH, "test_lost_data_are_noticed_and_nothing_changed"),
    ),
    lua(
        "a database with another birth seems to have another list",
        "_requests",
        " or born ~= match(known, ':(%d+)$') then",
        " then",
        tests_in(_EPOCH, "test_lost_data_are_noticed_and_nothing_changed"),
    ),
    lua(
        "a late copy takes a lock in a database that came back empty",
        "lock",
        "recall_in_database(reply_key, stamp_arg)",
        "recall(reply_key, match(stamp_arg, '(%d+)$'))",
        tests_in(_EPOCH, "test_lost_data_are_noticed_and_nothing_changed"),
    ),
    lua(
        "locks end when the list of partitions is changed",
        "_requests",
        "  elseif not with_any_list then",
        "  else",
        tests_in(_EPOCH, "test_locks_go_on_under_another_list"),
    ),
    lua(
        "a move seems to be done where the data are lost",
        "migration_status",
        "if lost then",
        "if false then",
        tests_in(_SCRIPTS, "test_an_empty_partition_is_enrolled_with_the_list_before"),
    ),
    lua(
        "each handshake gives a database another birth",
        "_membership",
        "whole(field) and field or whole(told) and told or nil",
        "nil",
        tests_in(_SCRIPTS, "test_the_birth_is_written_once"),
    ),
    lua(
        "a birth that was garbled is taken for a loss",
        "_membership",
        "or whole(told) and told or nil",
        "or nil",
        tests_in(_SCRIPTS, "test_one_key_alone_is_no_loss"),
    ),
    lua(
        "a loss that was acknowledged comes back with a scheduler that hears late",
        "enroll",
        "and known ~= born and not stored[8] then",
        "and known ~= born and (not stored[8] or stored[8] == '0') then",
        tests_in(_SCRIPTS, "test_an_acknowledged_loss_does_not_come_back"),
    ),
    lua(
        "a loss is not noted for others",
        "enroll",
        "  write(8, digits(now_ms()))",
        "  local _ = 8",
        tests_in(_SCRIPTS, "test_who_knew_it_before_notes_the_loss"),
    ),
    lua(
        "a late copy acknowledges a loss that nobody has seen",
        "acknowledge",
        "stored[1] ~= born_arg or ",
        "",
        tests_in(_SCRIPTS, "test_an_acknowledged_loss_does_not_come_back"),
    ),
    lua(
        "the key that requests ask is not mended",
        "enroll",
        "if whole(stored[5] or '1') then",
        "if not stored[1] then",
        tests_in(_SCRIPTS, "test_one_key_alone_is_no_loss"),
    ),
    Planted(
        "a request that met an empty database is sent again with the stamp of before",
        "storage/requests/sender.py",
        "            if undone is not None and stamp != self._partition.stamp:",
        "            if False:",
        tests_in(_LOST, "test_a_scheduler_that_only_assigns"),
    ),
    Planted(
        "nobody enrolls anew after a request was refused",
        "storage/requests/sender.py",
        "                self._partition.enroll_anew()",
        "                pass",
        tests_in(_LOST, "test_a_scheduler_that_only_assigns"),
    ),
    Planted(
        "the loss of data is not noticed at the handshake",
        "storage/partition/handshake.py",
        'self._has_lost_data or self.expected.born not in (b"", stored.born)',
        "False",
        tests_in(_LOST, "test_an_idle_scheduler_looks"),
    ),
    Planted(
        "a first handshake is taken for a loss",
        "storage/partition/handshake.py",
        'not in (b"", stored.born)',
        "!= stored.born",
        tests_in(_LOST, "test_a_restart_that_loses_nothing"),
    ),
    Planted(
        "a health check does not look for a loss",
        "storage/partition/handshake.py",
        "        if stored is None or stored.born != self.expected.born:",
        "        if False:",
        tests_in(_LOST, "test_a_health_check_hears_of_it"),
    ),
    Planted(
        "an empty partition counts as offline",
        "storage/partition/partition.py",
        "            self._enrolls_anew = True\n",
        "            self._enrolls_anew = True\n            self.go_offline()\n",
        tests_in(_LOST, "test_an_executing_scheduler"),
    ),
    Planted(
        "a handshake anew waits as after a lost connection",
        "storage/partition/partition.py",
        "            if self._enrolls_anew:",
        "            if False:",
        tests_in(_LOST, "test_a_scheduler_that_only_assigns"),
    ),
    Planted(
        "acknowledging one partition acknowledges all",
        "facade/inspection.py",
        "if partition in (None, each.name)]",
        "if True]",
        tests_in(_LOST, "test_one_of_three"),
    ),
    Planted(
        "ends of runs whose leases are all gone have nothing looked at",
        "storage/completions.py",
        "        if not any(held):",
        "        if False:",
        tests_in(_LOST, "test_all_tasks_are_running"),
    ),
)
