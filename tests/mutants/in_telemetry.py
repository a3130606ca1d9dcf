"""Bugs of telemetry, and of what it reads: counts, samples, hooks, spans."""

from typing import Final

from .planted import Planted, tests_in

_COUNTS: Final = "semantics/test_counts"
_OBSERVERS: Final = "semantics/test_observers"
_METRICS: Final = "telemetry/test_metrics"
_COUNTERS: Final = "telemetry/test_counters"
_LOST: Final = "semantics/test_lost_leases"
_STORAGE: Final = "telemetry/test_storage"
_SPANS: Final = "telemetry/test_spans"
_SPAN_GUESTS: Final = "telemetry/test_span_guests"

ALL: Final = (
    Planted(
        "the counts begin anew with each connection",
        "model/counts.py",
        "        self._kept = self.totals(), tallies\n",
        "        self._kept = {}, tallies\n",
        tests_in(_COUNTS, "test_they_go_on_over_connections"),
    ),
    Planted(
        "a busy second tells its first runs only",
        "execution/samples.py",
        "            self._kept[random.randrange(most)] = sample\n",
        "            pass\n",
        tests_in(_COUNTS, "test_a_busy_second_is_sampled_evenly"),
    ),
    Planted(
        "the last runs of an execution are not sampled",
        "execution/execution.py",
        "                self._observers.samples.flush()\n",
        "",
        tests_in(_METRICS, "test_it_holds_over_connections_and_counters_go_on"),
    ),
    Planted(
        "a hook of a queue wraps the runs of its namespace",
        "execution/hooks.py",
        "if each.namespace is None or each.namespace == namespace]",
        "if each is not None]",
        tests_in(_COUNTS, "test_hooks_wrap_runs_the_first_one_outermost"),
    ),
    Planted(
        "a trace makes a task another one to a sync",
        "model/policy.py",
        '    return _without_trace(policy).partition(b";p")[0]\n',
        '    return policy.partition(b";p")[0]\n',
        tests_in(_COUNTS, "test_a_trace_is_carried_and_changes_nothing_else"),
    ),
    Planted(
        "anything is carried as a trace",
        "execution/hooks.py",
        "    if not isinstance(trace, str) or _TRACE.fullmatch(trace) is None:\n",
        "    if not isinstance(trace, str):\n",
        tests_in(_COUNTS, "test_what_is_no_trace_is_refused"),
    ),
    Planted(
        "a counter goes down",
        "telemetry/source.py",
        "max(self._greatest.get(key, 0), row.value)",
        "row.value",
        tests_in(_COUNTERS, "test_a_counter_never_goes_down"),
    ),
    Planted(
        "schedulers of one namespace hide each other",
        "telemetry/rows.py",
        "row.value if before is None else put(before, row.value)",
        "row.value",
        tests_in(_COUNTERS, "test_schedulers_of_one_process_are_told_apart_or_added_up"),
    ),
    Planted(
        "a scheduler can be instrumented twice",
        "telemetry/meters.py",
        "if any(each.overlaps(source) for each in sources):",
        "if False:",
        tests_in("telemetry/test_instrumenting", "test_one_that_is_instrumented_already_is_refused"),
    ),
    Planted(
        "old values from Redis are told for ever",
        "telemetry/stored.py",
        " if time.monotonic() - at < FRESH",
        "",
        tests_in(_STORAGE, "test_old_values_are_told_no_more"),
    ),
    Planted(
        "the demand is told although a partition is missing in it",
        "telemetry/stored.py",
        "None if forecast.missing else forecast.demand",
        "forecast.demand",
        tests_in(_STORAGE, "test_a_partition_that_is_offline_has_no_values"),
    ),
    Planted(
        "a run is a child of what was current when executing began",
        "telemetry/spans.py",
        "SpanKind.CONSUMER, attributes, links, Context())",
        "SpanKind.CONSUMER, attributes, links, None)",
        tests_in(_SPANS, "test_a_run_has_a_root_span_of_its_own_with_a_link"),
    ),
    Planted(
        "a tracer cancels the runs around which it makes spans",
        "telemetry/spans.py",
        "        except BaseException:  # noqa: BLE001 - whatever it is, it is told once\n",
        "        except Exception:\n",
        tests_in(_SPAN_GUESTS, "test_a_tracer_that_raises_disturbs_nothing_and_is_told_once"),
    ),
    Planted(
        "a span without a name fails the call that assigns tasks",
        "telemetry/spans.py",
        "yield self._attempt(lambda: _text_of(span)) if",
        "yield _text_of(span) if",
        tests_in(_SPAN_GUESTS, "test_a_span_without_a_name_disturbs_nothing"),
    ),
    Planted(
        "a retry is an error",
        "telemetry/spans.py",
        "error is not None and not isinstance(error, Retry)",
        "error is not None",
        tests_in(_SPANS, "test_a_failed_run_and_a_failed_call_are_errors_and_a_retry_is_none"),
    ),
    Planted(
        "a hook swallows the error of a call, which says nothing then",
        "execution/hooks.py",
        "            raise failed\n",
        "            return\n",
        tests_in(_OBSERVERS, "test_a_hook_cannot_swallow_the_error_of_a_call"),
    ),
    Planted(
        "a run that ends while the measuring ends raises",
        "execution/samples.py",
        "        if most == 0:\n            return\n",
        "",
        tests_in(_OBSERVERS, "test_measuring_may_end_in_another_thread_while_a_run_ends"),
    ),
    Planted(
        "a handler of samples is called within a task of ours",
        "execution/samples.py",
        "call_apart(running_loop(), each.context.copy().run, each.handler, mine)",
        "each.context.copy().run(each.handler, mine)",
        tests_in(_OBSERVERS, "test_a_handler_of_samples_is_called_in_no_task_of_ours"),
    ),
    Planted(
        "nothing is read any more if the scheduler was back too soon",
        "telemetry/stored.py",
        "            self._task.add_done_callback(self._ended)\n",
        "",
        tests_in(_STORAGE, "test_it_begins_again_if_it_ended_slowly"),
    ),
    Planted(
        "metrics from Redis end for ever after a short outage",
        "telemetry/stored.py",
        " or reading[namespace].done()",
        "",
        tests_in(_STORAGE, "test_it_goes_on_after_an_outage_that_only_the_reading_saw"),
    ),
    Planted(
        "a sum falls when a scheduler is told no more",
        "telemetry/meters.py",
        ", past.with_ended(source)\n",
        ", past\n",
        tests_in(_COUNTERS, "test_schedulers_of_one_process_are_told_apart_or_added_up"),
    ),
    Planted(
        "what is told again is counted twice",
        "telemetry/meters.py",
        "past.without(source.counters, source)",
        "past",
        tests_in(_COUNTERS, "test_what_is_told_again_is_not_counted_twice"),
    ),
    Planted(
        "a sum falls when a scheduler was dropped",
        "telemetry/meters.py",
        "                before.append(source.counters)\n",
        "                pass\n",
        tests_in(_COUNTERS, "test_what_a_dropped_scheduler_counted_stays_in_the_sum"),
    ),
    Planted(
        "a failed instrument leaves half of it on",
        "telemetry/instrumenting.py",
        "        steps.callback(meters.remove, source)\n",
        "",
        tests_in("telemetry/test_instrumenting", "test_nothing_is_left_if_a_step_fails"),
    ),
    Planted(
        "a removal during a run is a lost lease",
        "storage/taken.py",
        "partition.unbroken.holds_from(run.received_at)",
        "False",
        tests_in(_LOST, "test_a_task_that_is_taken_away_during_its_run_lost_no_lease"),
    ),
    Planted(
        "the first lost connection is not noticed by the leases",
        "storage/requests/sender.py",
        "        if lost:\n            self._partition.unbroken.note_break()",
        "        if lost and not is_first:\n            self._partition.unbroken.note_break()",
        tests_in(_LOST, "test_what_is_refused_after_a_lost_connection_is_lost"),
    ),
    Planted(
        "who may not listen takes a new server for the old one",
        "storage/taken.py",
        "not partition.ear.is_refused and ",
        "",
        tests_in("integration/test_rights", "test_without_the_right_to_subscribe_what_is_refused_is_lost"),
    ),
    Planted(
        "a lease that a jump of the clock ended counts as that of a removed task",
        "execution/poller.py",
        "            self._claims.note_clock_jump()\n",
        "",
        tests_in(_LOST, "test_what_another_run_has_after_a_jump_of_the_clock_is_lost"),
    ),
    Planted(
        "a long run of a replaced task lost its lease",
        "execution/leases.py",
        "and channel.was_taken(run):",
        "and False:",
        tests_in(_LOST, "test_a_run_that_is_cancelled_since_its_task_was_replaced_lost_no_lease"),
    ),
    Planted(
        "a batch with a replaced task lost a lease",
        "execution/leases.py",
        "run.trust_until(math.inf)  # no other run of it goes on, and this one is told by `_lose`",
        "run.trust_until(0)",
        tests_in(_LOST, "test_a_batch_of_which_a_task_was_replaced_lost_no_lease"),
    ),
)
