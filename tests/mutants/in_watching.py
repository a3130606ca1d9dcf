"""Bugs of the commands that watch: `top`, `doctor` and `audit`."""

from typing import Final

from .planted import Planted, tests_in

_DOCTOR: Final = "cli/test_doctor"
_SERVERS: Final = "cli/test_doctor_servers"
_JUDGING: Final = "cli/test_judging"
_FRAME: Final = "cli/test_top_frame"
_SCREEN: Final = "cli/test_top_screen"

ALL: Final = (
    Planted(
        "a backlog that grows is told as one that shrinks",
        "cli/doctor/schedules.py",
        "if pace > forecast.demand + _ERRORS * forecast.demand_error:",
        "if pace >= 0:",
        tests_in(_DOCTOR, "test_workers_do_not_keep_up"),
    ),
    Planted(
        "who is behind since it is paused is told to start workers",
        "cli/doctor/schedules.py",
        " or not schedule.executors or overview.pause:",
        " or not schedule.executors:",
        tests_in(_DOCTOR, "test_workers_do_not_keep_up"),
    ),
    Planted(
        "who executes the namespace counts as an executor of each queue",
        "cli/doctor/gather.py",
        "if (each.executing if is_alone or queue is None else queue in each.queues))",
        "if each.executing)",
        tests_in(_DOCTOR, "test_nobody_executes_a_queue"),
    ),
    Planted(
        "the clocks of servers are compared with this machine's only",
        "cli/doctor/servers.py",
        "*_partitions(health.partitions, None), *_clocks(health.partitions)]",
        "*_partitions(health.partitions, None)]",
        tests_in(_SERVERS, "test_clocks_differ"),
    ),
    Planted(
        "clocks that a busy machine reads late count as different",
        "cli/doctor/servers.py",
        "    if most - later - (least + earlier) > ",
        "    if most - least > ",
        tests_in(_JUDGING, "test_clocks_differ_if_that_is_sure"),
    ),
    Planted(
        "a clock that was read late hides that others differ",
        "cli/doctor/servers.py",
        "max(known, key=lambda clock: clock[0] - clock[1])",
        "max(known)",
        tests_in(_JUDGING, "test_a_clock_that_was_read_late_hides_no_other"),
    ),
    Planted(
        "each call that fails for a partition that is offline is a finding",
        "cli/doctor/servers.py",
        "        if isinstance(each.error, PartitionOffline) and partition in offline:\n            continue\n",
        "",
        tests_in(_JUDGING, "test_what_follows_from_a_partition_that_is_offline_is_not_told_again"),
    ),
    Planted(
        "the doctor ends with 0 although it could not connect",
        "cli/commands/doctor.py",
        "    if error is not None:\n        raise Ended(code_of(error)) from error\n",
        "",
        tests_in(_SERVERS, "test_it_cannot_connect"),
    ),
    Planted(
        "a repair asks nobody",
        "cli/commands/audit.py",
        'more than it should", yes=yes)',
        'more than it should", yes=True)',
        tests_in("cli/test_audit", "test_faults_are_told_and_mended"),
    ),
    Planted(
        "problems that are left do not show in the exit code",
        "cli/commands/audit.py",
        "    if not report.ok:\n        raise Ended(NO)\n",
        "",
        tests_in("cli/test_audit", "test_faults_are_told_and_mended"),
    ),
    Planted(
        "a partition that is still away is told as one that has just gone",
        "cli/top/watching.py",
        "before.offline.get(name, now)",
        "now",
        tests_in(_FRAME, "test_a_partition_goes_away_and_comes_back"),
    ),
    Planted(
        "rows without a value come first",
        "cli/top/frame.py",
        "rows=(*known, *unknown)",
        "rows=(*unknown, *known)",
        tests_in(_FRAME, "test_sorting"),
    ),
    Planted(
        "an id steers the terminal of `top`",
        "cli/top/panes.py",
        'task.group or "", task.partition)\n    return Row(task.id, tuple(map(printable, cells)), ',
        'task.group or "", task.partition)\n    return Row(task.id, tuple(cells), ',
        tests_in("cli/test_top_terminal", "test_one_frame_as_text"),
    ),
    Planted(
        "one error ends the whole reading",
        "cli/top/reading.py",
        "        except SchedulerError as error:\n            problems",
        "        except KeyError as error:\n            problems",
        tests_in(_SCREEN, "test_a_partition_goes_away_and_comes_back"),
    ),
    Planted(
        "the cursor stays at its place and not with its row",
        "cli/top/table.py",
        "            self.move_cursor(row=keys.index(chosen.key), scroll=False)\n",
        "            pass\n",
        tests_in(_SCREEN, "test_the_cursor_stays_with_its_row"),
    ),
    Planted(
        "a SIGTERM leaves the terminal as it is",
        "cli/top/screen.py",
        "add_signal_handler(signal.SIGTERM, self.exit, TERMINATED)",
        "add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGKILL)",
        tests_in("cli/test_top_terminal", "test_it_begins_and_ends"),
    ),
    Planted(
        "an empty pane of `top` shows the names of its columns",
        "cli/top/table.py",
        '        self.set_class(not pane.rows, "-empty")\n',
        "",
        tests_in(_SCREEN, "test_panes_show_what_they_have"),
    ),
)
