"""Bugs to plant in what is told of runs to come."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_SCRIPTS: Final = "scripts/test_forecasting"
_COUNTS: Final = "unit/test_counting"
_CALLS: Final = "semantics/test_forecast"
_TIMES: Final = "travel/test_next_runs"

ALL: Final = (
    lua(
        "a bucket has its end too",
        "upcoming",
        "'(' .. digits(edge + width)",
        "digits(edge + width)",
        tests_in(_SCRIPTS, "test_next_runs_are_counted_by_buckets"),
    ),
    lua(
        "all samples are of the farthest slice",
        "sample",
        "density[n + PARKED] = size, rank, size / (tonumber(span) - from)",
        "density[n + PARKED] = size, rank, size * tonumber(span)",
        tests_in(_SCRIPTS, "test_nearer_slices_have_more_samples_for_their_size"),
    ),
    lua(
        "each sample is the same one",
        "sample",
        "math.randomseed(tonumber(seed_arg))",
        "math.randomseed(1)",
        tests_in(_SCRIPTS, "test_a_sample_is_bounded_and_has_each_task_once"),
    ),
    lua(
        "a task is sampled twice",
        "sample",
        "local at = firsts[n] + low + ",
        "local at = firsts[n] + ",
        tests_in(_SCRIPTS, "test_a_sample_is_bounded_and_has_each_task_once"),
    ),
    lua(
        "headers are read without a bound",
        "headers",
        "tonumber(weight_arg)",
        "math.huge",
        tests_in(_SCRIPTS, "test_headers_are_read_within_a_bound"),
    ),
    lua(
        "a task that was paused during its run counts",
        "sample",
        "paused = rests",
        "paused = ''",
        tests_in(_SCRIPTS, "test_few_tasks_are_all_in_the_sample"),
    ),
    Planted(
        "next runs forget the rounding grid",
        "facade/forecasting.py",
        "return runs_of(task, count, after, to_ms(self._forecast_core.options.storage.task_interval_seconds))",
        "return runs_of(task, count, after, 0)",
        tests_in(_CALLS, "test_the_rounding_grid_of_the_scheduler"),
    ),
    Planted(
        "a forecast does not tell what was dispatched",
        "facade/forecasting.py",
        "        return replace(found, dispatched=await self._dispatched(found.start))\n",
        "        return found\n",
        tests_in("travel/test_next_runs", "test_a_forecast_stands_beside_what_was_dispatched"),
    ),
    Planted(
        "in the first minute of a namespace no run has ended",
        "facade/forecasting.py",
        "            if not runs and series.total.runs:\n",
        "            if False:\n",
        tests_in("travel/test_next_runs", "test_a_forecast_stands_beside_what_was_dispatched"),
    ),
    Planted(
        "a namespace that was idle for long is taken for a new one",
        "facade/forecasting.py",
        "if not any(point.runs for point in await figures.series(earlier, 1000 * since, 1000 * begin)):\n",
        "if runs == 0:\n",
        tests_in("travel/test_next_runs", "test_the_first_runs_after_a_rest_are_of_an_old_namespace"),
    ),
    Planted(
        "next runs of a read task begin where its jitter put it",
        "model/coming.py",
        "task.next_run if task.planned is None else task.planned",
        "task.next_run",
        tests_in("unit/test_next_runs", "test_a_task_that_was_made_by_hand"),
    ),
    Planted(
        "a missed occurrence that is skipped is told",
        "model/coming.py",
        'if policy.missed != "skip" or now_ms == due_ms:',
        "if True:",
        tests_in(_TIMES, "test_of_many_missed_occurrences_the_last_thousand_count"),
    ),
    Planted(
        "all missed occurrences are told",
        "model/coming.py",
        "now_ms - MISSED_KEPT * interval_ms)",
        "0)",
        tests_in(_TIMES, "test_of_many_missed_occurrences_the_last_thousand_count"),
    ),
    Planted(
        "an end is not obeyed",
        "model/coming.py",
        "return None if policy.until_ms is not None and moment_ms > policy.until_ms else moment_ms",
        "return moment_ms",
        tests_in(_SCRIPTS, "test_what_comes_after_a_run"),
    ),
    Planted(
        "a delay ignores the rounding grid",
        "model/coming.py",
        "moment_ms = _rounded(now_ms + interval_ms, grid_ms)",
        "moment_ms = now_ms + interval_ms",
        tests_in(_SCRIPTS, "test_what_comes_after_a_run"),
    ),
    Planted(
        "a new task without its phase",
        "model/coming.py",
        "start_ms += 0 if phase_ms is None else (phase_ms - start_ms) % interval_ms",
        "start_ms += 0",
        tests_in(_SCRIPTS, "test_when_a_new_task_runs_first"),
    ),
    Planted(
        "a run in progress is one to come",
        "storage/forecasts.py",
        "        if task.begun_ms is not None and course is not None:",
        "        if task.begun_ms is None and course is not None:",
        tests_in(_CALLS, "test_runs_that_are_left"),
    ),
    Planted(
        "runs that ended are to come again",
        "storage/forecasts.py",
        "max(1, policy.max_runs - ended)",
        "policy.max_runs",
        tests_in(_CALLS, "test_runs_that_are_left"),
    ),
    Planted(
        "next runs are counted twice",
        "storage/forecasts.py",
        "runs[buckets.of(task.due_ms)] -= 1",
        "runs[buckets.of(task.due_ms)] -= 0",
        tests_in(_CALLS, "test_a_forecast_of_few_tasks_is_exact"),
    ),
    Planted(
        "an offline partition fails a forecast",
        "storage/forecasts.py",
        "        if not read:",
        "        if len(read) < len(found):",
        tests_in(_CALLS, "test_an_offline_partition"),
    ),
    Planted(
        "parked tasks are not late",
        "storage/forecasts.py",
        "late += sample.sizes[LATE] + sample.sizes[PARKED]",
        "late += sample.sizes[LATE]",
        tests_in(_CALLS, "test_late_paused_and_parked_tasks"),
    ),
    Planted(
        "an estimate is taken for certain",
        "model/forecast.py",
        "variances[bucket] += self._variance(count, self._squares[bucket])",
        "variances[bucket] += 0.0",
        tests_in(_COUNTS, "test_a_stratum_stands_for_all_of_its_tasks"),
    ),
    Planted(
        "the errors of samples are those of their sums",
        "model/forecast.py",
        "/ (self.read - 1)\n        return",
        "\n        return",
        tests_in(_COUNTS, "test_nine_of_ten_estimates_are_within_their_error"),
    ),
    Planted(
        "cron expressions are listed without a bound",
        "model/counting.py",
        "if len(moments) == most:",
        "if len(moments) == -1:",
        tests_in(_COUNTS, "test_cron_expressions_have_a_bound_together"),
    ),
    Planted(
        "the runs of an interval go on behind their number",
        "model/counting.py",
        "counts = [min(count, left) for count in counts]",
        "counts = list(counts)",
        tests_in(_COUNTS, "test_the_runs_of_an_interval"),
    ),
)
