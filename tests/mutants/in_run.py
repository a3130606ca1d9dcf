"""Bugs of the command `run`: processes that outlive the supervisor, that take one signal for two, that are lost."""

from typing import Final

from .planted import Planted, tests_in

_RUN: Final = "cli/test_run"
_DECIDES: Final = "cli/test_run_decides"
_PROCESS: Final = "cli/process"

ALL: Final = (
    Planted(
        "a process takes the Ctrl-C of a terminal beside the order",
        f"{_PROCESS}/child.py",
        "        signal.signal(signal.SIGINT, _nothing)\n",
        "        signal.signal(signal.SIGINT, lambda *_: self._orders.cut())\n",
        tests_in(_RUN, "test_a_signal_to_all_processes_lets_runs_end"),
    ),
    Planted(
        "a signal that is sent twice cuts runs short",
        f"{_PROCESS}/supervisor.py",
        "_ONE_REQUEST_SECONDS: Final = 0.5",
        "_ONE_REQUEST_SECONDS: Final = 0.0",
        tests_in(_RUN, "test_a_signal_to_all_processes_lets_runs_end"),
    ),
    Planted(
        "a log that nobody reads stops the supervisor",
        "cli/commands/run.py",
        ", apart=True)",
        ")",
        tests_in(_RUN, "test_a_log_that_nobody_reads_stops_nothing"),
    ),
    Planted(
        "connections that say nothing keep probes out",
        f"{_PROCESS}/answerer.py",
        "            if not self._silent:\n",
        "            if True:\n",
        tests_in("cli/test_run_health", "test_what_comes_in_is_bounded"),
    ),
    Planted(
        "a process outlives the supervisor",
        f"{_PROCESS}/child.py",
        "            self._leave()\n",
        "            pass\n",
        tests_in(_RUN, "test_no_process_outlives_the_supervisor"),
    ),
    Planted(
        "a blocked process outlives the supervisor",
        f"{_PROCESS}/child.py",
        "        os._exit(BUG)\n",
        "",
        tests_in(_RUN, "test_what_does_not_end_in_time_is_killed"),
    ),
    Planted(
        "the old process does not drain when it is replaced",
        f"{_PROCESS}/slot.py",
        "            old.end()\n",
        "            old.end(at_once=True)\n",
        tests_in(_RUN, "test_processes_are_replaced_one_by_one"),
    ),
    Planted(
        "a successor that did not come up takes the place",
        f"{_PROCESS}/slot.py",
        "        return new.is_up and not new.ended.done()\n",
        "        return True\n",
        tests_in(_RUN, "test_processes_are_replaced_one_by_one"),
    ),
    Planted(
        "a process that died in the drain is no matter",
        f"{_PROCESS}/supervisor.py",
        "        self._was_cut_short |= self.is_ending and process.ended.result() != DONE\n",
        "",
        tests_in(_RUN, "test_what_a_process_that_died_in_the_drain_had_is_run_elsewhere"),
    ),
    Planted(
        "a longer life does not begin the row of deaths anew",
        f"{_PROCESS}/restarts.py",
        "            self.in_a_row = self.counted = 0\n",
        "",
        tests_in(_DECIDES, "test_a_longer_life_begins_the_row_anew"),
    ),
    Planted(
        "a server that is away counts as a fault of the program",
        f"{_PROCESS}/restarts.py",
        "        self.counted += death.code != UNREACHABLE\n",
        "        self.counted += 1\n",
        tests_in(_DECIDES, "test_a_server_that_is_away_is_waited_for"),
    ),
    Planted(
        "who imports the application stands in its traceback",
        f"{_PROCESS}/target.py",
        "        if not file.startswith(_OTHERS):\n",
        "        if file:\n",
        tests_in("cli/test_run_starts", "test_an_error_of_the_application_has_its_own_frames_only"),
    ),
    Planted(
        "everybody may open the socket of the probes",
        f"{_PROCESS}/listening.py",
        "        before = os.umask(_OWN_ONLY)\n",
        "        before = os.umask(0)\n",
        tests_in("cli/test_run_health", "test_a_scheduler_that_is_not_well_is_not_ready"),
    ),
    Planted(
        "variables of Kubernetes are told as mistakes",
        "worker/typos.py",
        " or _OF_KUBERNETES.fullmatch(name)",
        "",
        tests_in("worker/test_settings", "test_names_of_others_are_left_alone"),
    ),
    Planted(
        "the last words wait for who reads the log",
        "cli/commands/run.py",
        "    except Ended as error:\n",
        "    except ZeroDivisionError as error:\n",
        tests_in("cli/test_run_starts", "test_what_ends_the_command_is_a_line_of_its_log"),
    ),
    Planted(
        "a signal after the end kills the supervisor",
        f"{_PROCESS}/apart_log.py",
        "        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)",
        "        signal.pthread_sigmask(signal.SIG_BLOCK, ())",
        tests_in(_RUN, "test_a_signal_after_the_end_changes_no_exit_code"),
    ),
)
