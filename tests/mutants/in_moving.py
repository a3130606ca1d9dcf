"""Bugs of moving in, of backups by command, and of commands that nobody confirmed."""

from typing import Final

from .planted import Planted, tests_in

_MOVING: Final = "cli/test_moving"
_BEAT: Final = "cli/test_moving_beat"
_INERT: Final = "cli/test_inert"
_FILES: Final = "cli/test_backup_commands"
_BACKUP: Final = "semantics/test_backup"

ALL: Final = (
    Planted(
        "a pickle is unpickled",
        "cli/moving/inert.py",
        "    machine = _Machine()\n",
        '    __import__("pickle").loads(raw)\n    machine = _Machine()\n',
        tests_in(_INERT, "test_nothing_is_called"),
    ),
    Planted(
        "nested tuples are hashed",
        "cli/moving/inert.py",
        "        if not all(map(_is_key, keys)):\n",
        "        if False:\n",
        tests_in(_INERT, "test_a_small_pickle_of_something_endless"),
    ),
    Planted(
        "a device is replaced by an export",
        "cli/backup/files.py",
        "    if Path(file).exists() and not Path(file).is_file():",
        "    if False:",
        tests_in(_FILES, "test_nothing_but_a_file_is_replaced"),
    ),
    Planted(
        "an export writes through a link",
        "cli/backup/files.py",
        "flags | os.O_NOFOLLOW | os.O_NONBLOCK",
        "flags | os.O_NONBLOCK",
        tests_in(_FILES, "test_nothing_but_a_file_is_replaced"),
    ),
    Planted(
        "closed streams are left closed",
        "cli/__init__.py",
        "    open_closed_streams()\n",
        "",
        tests_in("cli/test_streams", "test_closed_streams_are_no_bug"),
    ),
    Planted(
        "JSON of any size is read",
        "cli/moving/redbeat.py",
        "if raw is None or len(raw) > MOST_BYTES:",
        "if raw is None:",
        tests_in(_INERT, "test_json_that_is_too_large_is_not_read"),
    ),
    Planted(
        "long lines of a backup are read ahead",
        "cli/backup/apart.py",
        "        if size >= _CHUNK_BYTES:\n",
        "        if False:\n",
        tests_in(_FILES, "test_long_lines_are_not_read_ahead"),
    ),
    Planted(
        "long numbers are keys",
        "cli/moving/inert.py",
        "        return value.bit_length() <= _LONGEST_KEY\n",
        "        return True\n",
        tests_in(_INERT, "test_keys_that_have_one_hash_are_refused"),
    ),
    Planted(
        "days of the week count from Monday",
        "cli/moving/apscheduler_cron.py",
        'if kind == "AllExpression" and name == "day_of_week" and step is not None:',
        "if False:",
        tests_in(_MOVING, "test_a_calendar_of_apscheduler_is_the_same_here"),
    ),
    Planted(
        "two kinds of days become either of them",
        "cli/moving/apscheduler_cron.py",
        '    elif not found["day"].startswith("*") and not found["day_of_week"].startswith("*"):\n',
        "    elif False:\n",
        tests_in(_MOVING, "test_apscheduler"),
    ),
    Planted(
        "what rests at the peer runs here",
        "cli/moving/lines.py",
        '"paused" if found.paused else "waiting"',
        '"waiting"',
        tests_in(_MOVING, "test_redbeat"),
    ),
    Planted(
        "what moves in is due at once",
        "cli/moving/lines.py",
        "now + (_MOMENT if task.every is None else _seconds(task.every))",
        "now",
        tests_in(_BEAT, "test_the_next_run_comes_after_this_moment"),
    ),
    Planted(
        "a file that is no backup makes a namespace",
        "cli/backup/restoring.py",
        "_begun(opened), on_conflict",
        "opened, on_conflict",
        tests_in(_FILES, "test_a_backup_that_cannot_be_used"),
    ),
    Planted(
        "a crontab of celery-redbeat runs a second early",
        "cli/moving/redbeat.py",
        "-(-record.due // 60) * 60 if is_crontab else record.due",
        "record.due",
        tests_in(_MOVING, "test_redbeat"),
    ),
    Planted(
        "a task that was removed in npm comes back",
        "cli/moving/npm.py",
        'canceled == b"true" or ',
        "",
        tests_in(_MOVING, "test_npm"),
    ),
    Planted(
        "the next run is late by a jitter once more",
        "cli/moving/lines.py",
        "    if task.start is not None:\n",
        "    if False:\n",
        tests_in(_MOVING, "test_apscheduler"),
    ),
    Planted(
        "a dry run restores",
        "services/restoring.py",
        "self._foresee(batch) if self._how.dry_run else self._partitions.restore(batch)",
        "self._partitions.restore(batch)",
        tests_in(_BACKUP, "test_a_dry_run_counts_and_changes_nothing"),
    ),
    Planted(
        "a dry run does not see dead tasks",
        "storage/commands/lookup.py",
        "    return [record is not None for record in records]\n",
        "    return await are_scheduled(partition, ids)\n",
        tests_in(_BACKUP, "test_a_dry_run_counts_and_changes_nothing"),
    ),
    Planted(
        "a restore that goes on pauses the namespace again",
        "services/restoring.py",
        "if self._how.dry_run or self._how.after:",
        "if self._how.dry_run:",
        tests_in(_BACKUP, "test_a_restore_goes_on_where_it_ended"),
    ),
    Planted(
        "an export is written under its name from the start",
        "cli/backup/files.py",
        '    part = Path(f"{file}.part")\n',
        "    part = Path(file)\n",
        tests_in(_FILES, "test_an_export_that_is_killed_leaves_no_half_file"),
    ),
    Planted(
        "two exports write one part",
        "cli/backup/files.py",
        "                fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        tests_in(_FILES, "test_two_exports_into_one_file"),
    ),
    Planted(
        "a mark of one place holds for another",
        "cli/backup/restore_mark.py",
        'self._of = {"place": place, ',
        "self._of = {",
        tests_in(_FILES, "test_a_mark_is_of_one_file_and_one_place"),
    ),
    Planted(
        "any name confirms",
        "cli/changing/asking.py",
        'f"Type the name of the {kind} if it is meant") != name:',
        'f"Type the name of the {kind} if it is meant") == "":',
        tests_in("cli/test_clear_and_rate", "test_clear"),
    ),
    Planted(
        "SIGTERM ends a command before it cleans up",
        "cli/frame/interrupts.py",
        "_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)",
        "_SIGNALS: Final = (signal.SIGINT,)",
        tests_in("cli/test_bench", "test_an_interrupted_bench_leaves_no_task"),
    ),
)
