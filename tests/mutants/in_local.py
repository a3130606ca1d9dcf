"""Bugs of the server of a folder: who starts it, who ends it, and whose data it may have."""

from typing import Final

from .planted import Planted, tests_in

_LOCAL: Final = "integration/test_local"
_AGAIN: Final = "integration/test_local_again"
_REFUSALS: Final = "integration/test_local_refusals"
_MARKS: Final = "unit/test_local_marks"

ALL: Final = (
    Planted(
        "a server outlives its keeper",
        "storage/local/keeper.py",
        "            prctl(_PARENT_DEATH, signal.SIGTERM)\n",
        "            pass\n",
        tests_in(_AGAIN, "test_kill_9_of_the_server_or_its_keeper[keeper]"),
    ),
    Planted(
        "a keeper does not wait for the last user",
        "storage/local/keeper.py",
        "fcntl.flock(users, fcntl.LOCK_EX)",
        "fcntl.flock(users, fcntl.LOCK_SH)",
        tests_in(_LOCAL, "test_eight_who_start_at_once_have_one_server"),
    ),
    Planted(
        "a forked child holds the server of its parent",
        "storage/local/descriptors.py",
        "        each._close()  # noqa: SLF001 - it is this module's\n",
        "        pass\n",
        tests_in(_LOCAL, "test_a_forked_child_does_not_hold_it"),
    ),
    Planted(
        "a server without a keeper is used as it is",
        "storage/local/starting.py",
        "        if is_kept and is_served:\n",
        "        if is_served:\n",
        tests_in(_LOCAL, "test_a_server_without_a_keeper_is_ended_first"),
    ),
    Planted(
        "a server counts as there while another process starts it",
        "storage/local/starting.py",
        "        patience.wait_for(lambda: lock.lock(alone=True))\n",
        "        lock.lock(alone=True)\n",
        tests_in(_LOCAL, "test_eight_who_start_at_once_have_one_server"),
    ),
    Planted(
        "a server listens by TCP",
        "storage/local/layout.py",
        '("--port", "0")',
        '("--port", "21999")',
        tests_in(_LOCAL, "test_it_listens_nowhere_but_at_its_socket"),
    ),
    Planted(
        "a server keeps nothing on its disk",
        "storage/local/layout.py",
        '("--appendonly", "yes")',
        '("--appendonly", "no")',
        tests_in(_LOCAL, "test_kill_9_of_one_user_after_the_other"),
    ),
    Planted(
        "a server gets the secrets of the application",
        "storage/local/layout.py",
        " if _KEPT_VARIABLES.fullmatch(name)",
        "",
        tests_in(_MARKS, "test_a_server_gets_no_variables_of_the_application"),
    ),
    Planted(
        "an older server may have the data of a newer one",
        "storage/local/marks.py",
        "self.numbers[:2] >= written.numbers[:2]",
        "self.numbers[:2] <= written.numbers[:2]",
        tests_in(_REFUSALS, "test_the_data_of_a_newer_server_are_refused"),
    ),
    Planted(
        "a folder of somebody else is taken",
        "storage/local/folder.py",
        "        elif layout.strangers(names):\n",
        "        elif False:\n",
        tests_in(_REFUSALS, "test_a_folder_of_somebody_else_is_refused"),
    ),
    Planted(
        "a server that does not listen yet is taken for one that ended",
        "storage/local/starting.py",
        "            if is_new:\n",
        "            if True:\n",
        tests_in(_LOCAL, "test_a_server_that_is_slow_to_listen_is_waited_for[True]"),
    ),
    Planted(
        "a server inherits the signals that the application blocks",
        "storage/local/keeper.py",
        "    signal.pthread_sigmask(signal.SIG_SETMASK, ())",
        "    pass",
        tests_in(_LOCAL, "test_what_the_first_user_blocks_and_ignores_reaches_no_server"),
    ),
    Planted(
        "whoever leaves ends the server at the path, whose ever it is",
        "storage/local/hold.py",
        "        if not users.is_at(self._folder.file(layout.USERS)):\n            return",
        "        if False:\n            return",
        tests_in(_LOCAL, "test_who_leaves_a_folder_that_was_moved_ends_no_other_server"),
    ),
    Planted(
        "nobody is told that the server of a folder was killed",
        "storage/local/starting.py",
        "left_remains = folder.has(layout.SOCKET)",
        "left_remains = False",
        tests_in(_AGAIN, "test_who_finds_what_all_killed_ones_left_tells_it"),
    ),
    Planted(
        "each connection tells that the server of a folder was killed",
        "storage/local/starting.py",
        "return Looked(is_new=False, left_remains=False)",
        "return Looked(is_new=False, left_remains=folder.has(layout.SOCKET))",
        tests_in(_AGAIN, "test_who_finds_what_all_killed_ones_left_tells_it"),
    ),
    Planted(
        "a server that ends although it is used is nothing to tell",
        "storage/local/hold.py",
        "        elif looked.is_new and self._has_joined:\n",
        "        elif False:\n",
        tests_in(_AGAIN, "test_kill_9_of_the_server_or_its_keeper[keeper]"),
    ),
    Planted(
        "the log of a server that is used for long grows for ever",
        "storage/local/keeper.py",
        "    while not ended.wait(_LOOK_SECONDS):\n        _bound_log()\n",
        "    while not ended.wait(_LOOK_SECONDS):\n",
        tests_in(_AGAIN, "test_a_long_log_is_put_away[True]"),
    ),
)
