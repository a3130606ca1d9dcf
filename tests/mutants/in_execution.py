"""Bugs to plant in the Python code that executes tasks."""

from __future__ import annotations

from typing import Final

from .planted import Planted, tests_in

LEASES: Final = (
    Planted(
        "a lease is relied on without a margin",
        "model/trust.py",
        "TRUSTED_SHARE: Final = 0.85",
        "TRUSTED_SHARE: Final = 1.0",
        tests_in("travel/test_trust", "test_a_run_whose_lease_is_not_renewed_ends_before_it"),
    ),
    Planted(
        "a lease is relied on from the reply to its claim",
        "execution/poller.py",
        "trusted_until = sent_at + self._trusted_seconds",
        "trusted_until = received_at + self._trusted_seconds",
        tests_in("travel/test_trust", "test_a_lease_counts_from_when_its_claim_was_sent"),
    ),
    Planted(
        "a lease is relied on from the reply to its renewal",
        "execution/leases.py",
        "run.trust_until(sent_at + self._trusted_seconds)",
        "run.trust_until(clock.monotonic() + self._trusted_seconds)",
        tests_in("travel/test_trust", "test_a_lease_counts_from_when_its_renewal_was_sent"),
    ),
    Planted(
        "leases are not renewed",
        "execution/leases.py",
        "await self.renew_once(channel)",
        "pass",
        tests_in("travel/test_trust", "test_a_run_that_takes_many_leases_is_not_disturbed"),
    ),
    Planted(
        "a run whose lease has ended goes on",
        "execution/leases.py",
        "if now >= run.trusted_until",
        "if False",
        tests_in("travel/test_trust", "test_a_run_whose_lease_is_not_renewed_ends_before_it"),
    ),
    Planted(
        "a run whose task another has goes on",
        "execution/leases.py",
        'self._lose(run, "it was removed and assigned anew, or another worker has it")',
        "pass",
        tests_in("travel/test_trust", "test_a_run_whose_task_another_has_ends"),
    ),
    Planted(
        "a run whose task was removed is cut short",
        "execution/leases.py",
        "                if not is_scheduled:\n",
        "                if False:\n",
        tests_in("travel/test_trust", "test_a_run_whose_task_was_removed_ends_in_peace"),
    ),
    Planted(
        "a run starts after its start window",
        "execution/runner.py",
        "if now > run.start_by:",
        "if False:",
        tests_in("unit/test_runner", "test_a_run_that_could_only_start_too_late_is_handed_back"),
    ),
    Planted(
        "the start window counts from the reply",
        "execution/poller.py",
        "min(self._claims.starts_from + START_WINDOW_SECONDS, trusted_until)",
        "min(received_at + START_WINDOW_SECONDS, trusted_until)",
        tests_in("travel/test_trust", "test_a_claim_that_was_long_on_its_way_starts_nothing"),
    ),
    Planted(
        "a removal does not wait for the start window",
        "facade/assigning.py",
        "await _sleep_ms(removed.wait_ms)",
        "pass",
        tests_in("semantics/test_running", "test_no_run_starts_after_remove_returns"),
    ),
)

CLOCKS: Final = (
    Planted(
        "the wait for the next task goes by the client's clock",
        "execution/poller.py",
        "server_now = claimed.now_us / 1e6",
        "server_now = __import__('time').time()",
        tests_in("integration/test_clocks", "test_a_client_whose_clock_is_wrong_runs_tasks_in_time"),
    ),
    Planted(
        "as soon as possible is now by the client's clock",
        "storage/commands/assigning.py",
        'start: Argument = b"" if start_ms is None else start_ms',
        'start: Argument = int(1000 * __import__("time").time()) if start_ms is None else start_ms',
        tests_in("integration/test_clocks", "test_a_client_whose_clock_is_wrong_runs_tasks_in_time"),
    ),
    Planted(
        "the next occurrence of a cron task goes by the client's clock",
        "storage/partition/batchers.py",
        "now_ms = await partition.now_ms()",
        'now_ms = int(1000 * __import__("time").time())',
        tests_in("integration/test_clocks", "test_a_client_whose_clock_is_wrong_plans_cron_tasks_rightly"),
    ),
    Planted(
        "a cron expression is of another time zone",
        "model/cron.py",
        "after = datetime.fromtimestamp(after_ms // 1000, ZoneInfo(zone))",
        "after = datetime.fromtimestamp(after_ms // 1000, UTC)",
        tests_in("unit/test_cron", "test_a_job_at_a_fixed_time_runs_once_a_day"),
    ),
    Planted(
        "daylight-saving changes are overlooked",
        "model/cron.py",
        "after = datetime.fromtimestamp(after_ms // 1000, ZoneInfo(zone))",
        "after = datetime.fromtimestamp(after_ms // 1000, ZoneInfo(zone))\n"
        '    after = after.replace(tzinfo=__import__("datetime").timezone(after.utcoffset()))',
        tests_in("unit/test_cron", "test_a_job_at_a_fixed_time_runs_once_a_day"),
    ),
    Planted(
        "in the hour that comes twice a cron task is planned into the past",
        "model/cron.py",
        "if moment_ms > after_ms:",
        "if True:",
        tests_in("unit/test_cron", "test_in_the_hour_that_comes_twice_nothing_is_planned_into_the_past"),
    ),
)

EXECUTION: Final = (
    Planted(
        "completions are not waited for at the end",
        "execution/runs.py",
        "await completions.flushed()",
        "pass",
        tests_in("semantics/test_running", "test_what_has_ended_is_completed_when_stop_returns"),
    ),
    Planted(
        "runs in progress are not waited for at the end",
        "execution/execution.py",
        "await self._runner.drain(max(0.0, min(drain_seconds, self._drained_by - clock.monotonic())))",
        "await self._runner.drain(0)",
        tests_in("semantics/test_running", "test_stop_waits_for_runs_in_progress"),
    ),
    Planted(
        "what is claimed while it stops is started",
        "execution/runner.py",
        "        if self.is_alone or not self._accepting:\n            self.return_queued()",
        "        if self.is_alone:\n            self.return_queued()",
        tests_in("unit/test_runner_end", "test_drain_hands_back_what_waits_and_lets_what_runs_end"),
    ),
    Planted(
        "a run that is cut short counts as ended",
        "execution/runner.py",
        "if error is None or run.cut_short in",
        "if True or run.cut_short in",
        tests_in("unit/test_runner_end", "test_a_cut_run_is_cancelled_and_handed_back_and_others_go_on"),
    ),
    Planted(
        "a nearer task does not wake the poller",
        "execution/poller.py",
        "self._nudged.set()",
        "pass",
        tests_in("semantics/test_running", "test_an_own_executor_wakes_for_a_nearer_task"),
    ),
    Planted(
        "idle schedulers all come for each task",
        "execution/poller.py",
        "self.idle_backoff = min(max(2 * self.idle_backoff, _SHORTEST_IDLE_BACKOFF), _LONGEST_IDLE_BACKOFF)",
        "self.idle_backoff = 0.0",
        tests_in("integration/test_many_schedulers", "test_idle_schedulers_do_not_stampede"),
    ),
    Planted(
        "nearer tasks of other processes are not heard of",
        "storage/connection/subscription.py",
        "self.on_due(due_ms)",
        "pass",
        tests_in("semantics/test_running", "test_another_scheduler_wakes_for_a_nearer_task"),
    ),
    Planted(
        "hints are applied whatever was the last",
        "storage/scripts/lua/_in_order.lua",
        "(call('GET', hinted_key) or '0') ~= last",
        "false",
        tests_in("scripts/test_hints", "test_hints_are_applied_once"),
    ),
    Planted(
        "a partition that was lost is online before its hints are applied",
        "storage/partition/partition.py",
        "await self.detour.catch_up()",
        "pass",
        tests_in("integration/test_hints", "test_a_partition_returns_with_its_old_data"),
    ),
    Planted(
        "claiming ahead has no bound",
        "execution/room.py",
        "min(self._limits.prefetch, may_start)",
        "may_start",
        tests_in("unit/test_room", "test_as_much_is_claimed_ahead_as_quick_runs_of_the_last_second_make_room_for"),
    ),
    Planted(
        "one claim may take all the room",
        "execution/room.py",
        "return min(MAX_CLAIM, max(1, free // sources))",
        "return free",
        tests_in("unit/test_runner", "test_sources_share_the_room"),
    ),
    Planted(
        "a run gives its place back when it begins",
        "execution/room.py",
        "self.taken += permits\n        self.offer()",
        "self.offer()",
        tests_in("unit/test_runner", "test_a_run_holds_its_place_until_it_ends"),
    ),
    Planted(
        "a claim in doubt is given up, and what it took with it",
        "storage/commands/running.py",
        "send = session.repeat if session.in_doubt else session.request\n"
        "    reply: list[Any] = await send(\n        scripts.CLAIM,",
        "send = session.request\n    reply: list[Any] = await send(\n        scripts.CLAIM,",
        tests_in("integration/test_lost_replies", "test_claim_strands_nothing"),
    ),
    Planted(
        "poison is run for ever",
        "execution/outcome.py",
        "crashes >= max_crashes:",
        "False:",
        tests_in("unit/test_outcome", "test_a_task_that_crashes_is_run_so_often_and_at_last_alone"),
    ),
    Planted(
        "what may end its process runs beside others",
        "execution/outcome.py",
        'return "run alone" if is_suspect',
        'return "run" if is_suspect',
        tests_in("unit/test_outcome", "test_a_task_that_crashes_is_run_so_often_and_at_last_alone"),
    ),
    Planted(
        "what is claimed while a run goes on alone is started",
        "execution/runner.py",
        "        if self.is_alone or not self._accepting:\n            self.return_queued()",
        "        if not self._accepting:\n            self.return_queued()",
        tests_in("unit/test_runner_alone", "test_what_is_queued_is_handed_back_before_it_starts"),
    ),
    Planted(
        "a run that goes on alone starts before Redis knows what was handed back",
        "execution/runner.py",
        "        await self._runs.flushed()\n",
        "",
        tests_in("unit/test_runner_alone", "test_what_is_queued_is_handed_back_before_it_starts"),
    ),
    Planted(
        "a run that goes on alone starts while claims are in flight",
        "execution/room.py",
        "while self.taken > len(running):",
        "while False:",
        tests_in("unit/test_runner_alone", "test_claims_in_flight_are_waited_for"),
    ),
    Planted(
        "a clock that jumps back is not noticed",
        "execution/clock_jumps.py",
        "elif most < self._least - _JUMP:",
        "elif False:",
        tests_in("unit/test_clock_jumps", "test_a_jump_is_told_once"),
    ),
    Planted(
        "the last attempt is not made",
        "execution/outcome.py",
        "elif run.charged < run.policy.retries and",
        "elif run.charged < run.policy.retries - 1 and",
        tests_in("unit/test_outcome", "test_delays_double_and_are_shortened_at_random"),
    ),
    Planted(
        "an attempt that was asked for is charged",
        "execution/outcome.py",
        "charge, retry_ms = False, max(",
        "charge, retry_ms = True, max(",
        tests_in("unit/test_outcome", "test_an_attempt_that_was_asked_for_is_not_charged"),
    ),
    Planted(
        "a missed occurrence that is to be skipped is run",
        "execution/outcome.py",
        'if policy.missed == "skip" and',
        "if False and",
        tests_in("unit/test_outcome", "test_whether_a_late_run_is_carried_out"),
    ),
    Planted(
        "a time-out of the executor's own counts as the run's",
        "execution/timing_out.py",
        '    except asyncio.CancelledError:\n        if carried.cut_short == "timed out":',
        "    except (asyncio.CancelledError, TimeoutError):\n        if True:",
        tests_in("semantics/test_failures", "test_a_time_out_of_the_executors_own_is_its_error"),
    ),
)

ALL: Final = (*LEASES, *CLOCKS, *EXECUTION)
