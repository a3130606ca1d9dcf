"""Bugs to plant in what is counted, and told of schedulers and runs."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_SCRIPTS: Final = "scripts/test_report"
_CALLS: Final = "semantics/test_statistics"
_PURE: Final = "unit/test_statistics"
_FAULTS: Final = "faults/test_statistics"

ALL: Final = (
    lua(
        "a report that is repeated is added again",
        "report",
        "if done then\n  return done\nend",
        "",
        tests_in(_SCRIPTS, "test_a_repetition_adds_nothing"),
    ),
    lua(
        "a report is forgotten before its records",
        "report",
        "call('PEXPIRE', reply_key, RECORDS[1][3])\nreturn",
        "return",
        tests_in(_SCRIPTS, "test_a_report_is_known_for_as_long_as_a_record"),
    ),
    lua(
        "records never expire",
        "report",
        "  call('PEXPIRE', key, RECORDS[n][3])\n",
        "",
        tests_in(_SCRIPTS, "test_a_report_is_known_for_as_long_as_a_record"),
    ),
    lua(
        "a report is written half before a key of another type is met",
        "report",
        "  call('HEXISTS', records[n], '')\n",
        "",
        tests_in(_SCRIPTS, "test_a_key_of_another_type_is_met_before_anything_is_written"),
    ),
    lua(
        "a report is refused when Redis is full",
        "report",
        "pass_when_full(reply_key)\n",
        "",
        tests_in(_SCRIPTS, "test_counts_pass_when_redis_is_full"),
    ),
    lua(
        "cards of killed schedulers stay for ever",
        "report",
        "digits(now - MINUTE), 'BYSCORE'",
        "'0', 'BYSCORE'",
        tests_in(_SCRIPTS, "test_old_cards_go"),
    ),
    lua(
        "there is no bound for cards",
        "report",
        "if #gone == 0 and over > 0 then",
        "if false then",
        tests_in(_SCRIPTS, "test_of_too_many_cards_the_oldest_go"),
    ),
    lua(
        "a card that is taken off stays",
        "report",
        "  if card_arg == '' then\n    gone[#gone + 1] = scheduler_arg\n  end\n",
        "",
        tests_in(_SCRIPTS, "test_cards_are_renewed_and_taken_off"),
    ),
    lua(
        "a count that cannot be read is lost for good",
        "report",
        "      call('HSET', key, ARGV[at], ARGV[at + 1])\n",
        "",
        tests_in(_SCRIPTS, "test_a_count_that_cannot_be_read_begins_anew"),
    ),
    lua(
        "schedulers that are gone are shown",
        "schedulers",
        "digits(now - tonumber(within_arg))",
        "'-inf'",
        tests_in(_SCRIPTS, "test_only_who_reported_just_now_is_shown"),
    ),
    lua(
        "one request reads any number of records",
        "statistics",
        "math.min(tonumber(many_arg), 100)",
        "tonumber(many_arg)",
        tests_in(_SCRIPTS, "test_records_are_read_in_steps_and_bounded"),
    ),
    Planted(
        "a lag at an edge is of the class below it",
        "model/tally.py",
        'bisect_right(ordered, b"%d" % (now_ms - edge), hi=left)',
        'bisect_right(ordered, b"%d" % (now_ms - edge - 1), hi=left)',
        tests_in(_PURE, "test_each_claimed_task_is_in_the_class_of_its_lag"),
    ),
    Planted(
        "lags are counted as if they came sorted",
        "model/tally.py",
        "ordered = sorted(dues)",
        "ordered = dues",
        tests_in(_PURE, "test_each_claimed_task_is_in_the_class_of_its_lag"),
    ),
    Planted(
        "a time of which nothing is kept is all zeros",
        "model/series.py",
        "if first < (now_ms - 1000 * kind.kept_seconds) // length:",
        "if first < 0:",
        tests_in(_PURE, "test_times_that_cannot_be_read"),
    ),
    Planted(
        "minutes without a run have no point",
        "model/series.py",
        "for number in numbers)",
        "for number in numbers if number in summed)",
        tests_in(_PURE, "test_a_series_has_no_gaps_and_sums_partitions"),
    ),
    Planted(
        "a card that cannot be read breaks the list",
        "storage/figures.py",
        "        except BadCard as problem:\n",
        "        except KeyError as problem:\n",
        tests_in(_CALLS, "test_garbage_is_left_out_of_the_list"),
    ),
    Planted(
        "a run that was skipped is counted as a run",
        "execution/runs.py",
        "                tally.runs -= 1  # its completion is counted as one\n",
        "",
        tests_in(_CALLS, "test_each_way_of_ending_is_counted_once"),
    ),
    Planted(
        "runs without a completion are not counted",
        "execution/runs.py",
        "  # over for Redis since the claim\n            run.grant.tally.runs += 1\n",
        "  # over for Redis since the claim\n            pass\n",
        tests_in(_CALLS, "test_each_way_of_ending_is_counted_once"),
    ),
    Planted(
        "ends that come too late are told by nobody",
        "storage/completions.py",
        "            self.tally.lost_leases += 1\n",
        "            pass\n",
        tests_in("semantics/test_lost_leases", "test_what_a_server_refuses_that_was_away_is_lost"),
    ),
    Planted(
        "a stop does not report",
        "facade/core.py",
        "        self.census.changed()\n        await self.heartbeat.report(drain_seconds)\n",
        "        self.census.changed()\n",
        tests_in(_CALLS, "test_two_executions_of_a_scheduler_add_up", "test_a_queue_has_counts_of_its_own"),
    ),
    lua(
        "a scheduler that was away for long takes its own card off",
        "report",
        "    if gone[n] == scheduler_arg then",
        "    if false then",
        tests_in("scripts/test_report", "test_one_that_was_away_for_long_is_back_at_once"),
    ),
    Planted(
        "one that is closed stays on the list",
        "facade/core.py",
        "        await self.heartbeat.end(drain_seconds)\n",
        "",
        tests_in(_CALLS, "test_one_that_is_closed_is_gone_at_once"),
    ),
    Planted(
        "statistics cannot be switched off",
        "facade/core.py",
        "        if self.options.statistics:\n",
        "        if True:\n",
        tests_in(_CALLS, "test_one_without_statistics_tells_nothing"),
    ),
    Planted(
        "nobody learns that somebody watches",
        "services/heartbeat.py",
        "on=heard > 0 and not self._has_ended",
        "on=False",
        tests_in(_CALLS, "test_runs_are_watched_while_somebody_does"),
    ),
    Planted(
        "a report in doubt is given up",
        "storage/reports.py",
        "                heard = await self._send(self._in_doubt)\n",
        "                self._told = self._tally.counts()\n                self._in_doubt = None\n",
        tests_in(_FAULTS, "test_what_cannot_be_reported_goes_with_a_later_report"),
    ),
    Planted(
        "a partition that is away fails the look",
        "storage/figures.py",
        "if errors and not answers:",
        "if errors or len(asked) < len(self._partitions):",
        tests_in(_FAULTS, "test_a_partition_that_is_away_is_named"),
    ),
    Planted(
        "a sample is the first of the runs",
        "support/sampling.py",
        "        return place if place < most else None\n",
        "        return None\n",
        tests_in(_PURE, "test_a_sample_is_bounded_over_all_sources_and_has_every_thing_alike"),
    ),
)
