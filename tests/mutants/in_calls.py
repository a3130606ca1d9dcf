"""Bugs to plant in the Python code behind the calls of a scheduler."""

from __future__ import annotations

from typing import Final

from .planted import Planted, tests_in

ALL: Final = (
    Planted(
        "a caller gets the result of another",
        "storage/requests/batching.py",
        "return [next(following) if want else None for want in wanted]",
        "found = list(following)\n    return [*found, *[None] * (len(wanted) - len(found))]",
        tests_in("unit/test_batching", "test_a_caller_cancelled_before_the_flight_is_left_out"),
    ),
    Planted(
        "a caller that is cancelled fails its batch",
        "storage/requests/batching.py",
        "if not future.done():\n                future.set_result",
        "if True:\n                future.set_result",
        tests_in("unit/test_batching", "test_a_caller_cancelled_during_the_flight_harms_nobody"),
    ),
    Planted(
        "a batch that fails ends the batcher",
        "storage/requests/batching.py",
        "            return error\n",
        "            self._report(batch, error)\n            raise\n",
        tests_in("unit/test_batching", "test_an_error_fails_its_batch_and_no_other"),
    ),
    Planted(
        "a batch has no bound in bytes",
        "storage/requests/batching.py",
        "if batch and weight > MAX_BATCH_BYTES:",
        "if False:",
        tests_in("unit/test_batching", "test_a_batch_is_bounded_in_bytes"),
    ),
    Planted(
        "a bulk call that is cancelled waits for Redis",
        "services/bulk.py",
        "window.calls.popleft()[0].cancel()\n        raise",
        "break\n        raise",
        tests_in("unit/test_bulk", "test_a_caller_that_is_cancelled_waits_for_nothing"),
    ),
    Planted(
        "what a source gave before it failed is left out",
        "services/bulk.py",
        "        if stretch:\n            yield stretch, weight",
        "        if stretch and error is None:\n            yield stretch, weight",
        tests_in("unit/test_bulk", "test_a_source_that_fails_does_not_leave_calls_behind"),
    ),
    Planted(
        "the bytes under way in a bulk call are not bounded",
        "services/bulk.py",
        " and self._bytes <= _WINDOW_BYTES",
        "",
        tests_in("unit/test_bulk", "test_the_calls_under_way_are_bounded_in_bytes"),
    ),
    Planted(
        "what comes after an error is told as done",
        "storage/requests/together.py",
        "        if self._error is None:\n            self._given += results",
        "        self._given += results",
        tests_in("unit/test_together", "test_answers_after_an_error_are_not_told"),
    ),
    Planted(
        "calls that are made together come before earlier calls of another kind on the same task",
        "storage/requests/rounds.py",
        "if len(items) > 1:",
        "if False:",
        tests_in("unit/test_rounds", "test_calls_together_keep_their_place"),
    ),
    Planted(
        "a run that cannot tell that it begins is an error of nobody",
        "execution/runs.py",
        "        except NotConnected:",
        "        except ZeroDivisionError:",
        tests_in("unit/test_begins", "test_a_run_does_not_begin_once_nobody_tells_of_it"),
    ),
    Planted(
        "ids may be empty",
        "model/checks.py",
        "if not value:",
        "if False:",
        tests_in("unit/test_checks", "test_name_out_of_range"),
    ),
    Planted(
        "ids may be of any length",
        "model/checks.py",
        "if len(raw) > MAX_ID_BYTES:",
        "if False:",
        tests_in("unit/test_checks", "test_name_out_of_range"),
    ),
    Planted(
        "ids are not checked",
        "model/assignment.py",
        'raw_id = check_name("id", task.id)',
        "raw_id = str(task.id).encode()",
        tests_in("unit/test_bad_input", "test_bad_tasks"),
    ),
    Planted(
        "the home of a task is worked out by another hash",
        "model/placement.py",
        "blake2b(raw, digest_size=8)",
        'blake2b(raw, digest_size=8, person=b"other")',
        tests_in("unit/test_placement", "test_a_home_never_changes_between_versions"),
    ),
    Planted(
        "two namespaces meet in one key",
        "storage/scripts/keys.py",
        'namespace.replace(":", "::")',
        "namespace",
        tests_in("unit/test_keys", "test_no_two_partitions_share_a_key"),
    ),
    Planted(
        "another list of partitions is not noticed",
        "storage/scripts/membership.py",
        "if theirs != ours:",
        "if False:",
        tests_in("integration/test_partitions", "test_another_list_of_partitions_is_refused"),
    ),
    Planted(
        "a lock whose taking was cancelled is held by nobody",
        "services/locks.py",
        "            self._abandon(name, answer)\n",
        "",
        tests_in("semantics/test_locks", "test_a_lock_whose_taking_was_cancelled_is_free_again"),
    ),
    Planted(
        "a lock whose holder is cancelled while it releases is held by nobody",
        "services/locks.py",
        "(await asyncio.shield(answer)).result == 1",
        "(await answer).result == 1",
        tests_in("faults/test_cancelled", "test_a_holder_releases"),
    ),
    Planted(
        "a held lock is not renewed",
        "services/locks.py",
        "held = await self._locks.extend(self._lock, self._ttl_ms)",
        "held = True",
        tests_in("semantics/test_locks", "test_a_held_lock_is_renewed_and_released_at_the_end"),
    ),
    Planted(
        "the block of a lost lock goes on",
        "services/locks.py",
        "self.block.cancel()",
        "pass",
        tests_in("semantics/test_locks", "test_losing_a_lock_cancels_the_block"),
    ),
    Planted(
        "a sync goes on beside another of its scope",
        "services/sync.py",
        'async with locks.hold(f"sync:{scope}"[:128], _LOCK_SECONDS, None):',
        "if True:",
        tests_in("semantics/test_sync", "test_one_scope_is_for_one_at_a_time"),
    ),
    Planted(
        "a sync does not mark what it wants",
        "services/sync.py",
        "fresh = await self._marks.mark([call.id for call in calls])",
        "fresh: set[bytes] = set()",
        tests_in("semantics/test_sync", "test_it_adds_updates_leaves_alone_and_removes"),
    ),
    Planted(
        "what making the partitions raises reaches nobody",
        "services/lifespan.py",
        "            if not ready.done():\n                ready.set_exception(alone(error))\n",
        "            del error\n",
        tests_in("unit/test_lifespan", "test_without_the_extra_connect_says_what_to_install"),
    ),
    Planted(
        "closing that was cut short is not waited for",
        "services/lifespan.py",
        "            if self._task is not None and not self._task.done():\n                return None\n",
        "            if self._task is not None and not self._task.done() and not self._closing.is_set():\n"
        "                return None\n",
        tests_in("faults/test_cancelled", "test_connecting_after_a_close_that_was_cut_short"),
    ),
)
