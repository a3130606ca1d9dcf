"""Bugs of what tools rely on: pages that end in time, what somebody else wrote, and what is told of what goes wrong."""

from __future__ import annotations

from typing import Final

from .planted import Planted, lua, tests_in

_SEARCHES: Final = "semantics/test_searches"
_ACTIONS: Final = "semantics/test_actions"
_VALUES: Final = "unit/test_statistics"
_RIGHTS: Final = "integration/test_rights"

ALL: Final = (
    Planted(
        "a page of a search does not end in time",
        "storage/search.py",
        'cursor != b"0" and clock.monotonic() >= give_up_at',
        "False",
        tests_in(_SEARCHES, "test_a_page_ends_in_time_and_the_next_goes_on"),
    ),
    Planted(
        "a large budget stands for no more time",
        "storage/search.py",
        "budget * _SECONDS_PER_TASK",
        "20_000 * _SECONDS_PER_TASK",
        tests_in(_SEARCHES, "test_a_page_ends_in_time_and_the_next_goes_on"),
    ),
    Planted(
        "a slow search of few tasks has a page for each partition",
        "storage/search.py",
        'cursor != b"0" and clock.monotonic() >= give_up_at',
        "clock.monotonic() >= give_up_at",
        tests_in(_SEARCHES, "test_of_few_tasks_one_page_is_enough_however_many_partitions"),
    ),
    Planted(
        "a cursor that Redis cannot read is sent",
        "storage/search.py",
        " and int(cursor) <= _GREATEST",
        "",
        tests_in(_SEARCHES, "test_a_mark_that_no_search_gave_is_refused"),
    ),
    Planted(
        "the cursor of a tag is taken for one of all tasks",
        "storage/search.py",
        "    if tag_of(prefix) is not None:\n",
        '    if cursor.startswith(b"="):\n',
        tests_in(_SEARCHES, "test_a_mark_that_no_search_gave_is_refused"),
    ),
    Planted(
        "a place that no double can tell is sent",
        "model/cursors.py",
        ' or (math.isfinite(number) and (number != 0 or text.strip(b"-0.") == b""))',
        " or True",
        tests_in(_SEARCHES, "test_a_place_that_no_double_can_tell_is_refused"),
    ),
    lua(
        "the list of actions goes round and round among what somebody else wrote",
        "actions",
        "call('ZCOUNT', actions_key, '-inf', '(0')",
        "0",
        tests_in(_ACTIONS, "test_entries_that_somebody_else_wrote_are_left_out_and_told"),
    ),
    Planted(
        "an action that cannot be read is left out silently",
        "storage/actions.py",
        "                self._log.error(text, found.number, found.partition)\n",
        "                del text\n",
        tests_in(_ACTIONS, "test_entries_that_somebody_else_wrote_are_left_out_and_told"),
    ),
    Planted(
        "a mark for no partition is the end of the actions",
        "storage/actions.py",
        "            raise bad_mark()\n",
        "            pass\n",
        tests_in(_ACTIONS, "test_a_mark_for_no_partition_is_refused"),
    ),
    Planted(
        "a moment of the history is later than any date",
        "model/past.py",
        "min(int.from_bytes(raw[:6]), LATEST_MS)",
        "int.from_bytes(raw[:6])",
        tests_in(_VALUES, "test_each_moment_that_is_read_is_one_that_a_datetime_can_tell"),
    ),
    Planted(
        "a moment of a card is later than any date",
        "model/cards.py",
        "            _whole(since_ms, LATEST_MS),\n",
        "            _whole(since_ms),\n",
        tests_in(_VALUES, "test_garbage_is_no_card"),
    ),
    Planted(
        "health does not tell of refused claims",
        "execution/poller.py",
        "self.refusal = None if isinstance(error, PartitionOffline) else error",
        "self.refusal = None",
        tests_in(_RIGHTS, "test_health_tells_that_claims_are_refused"),
    ),
    Planted(
        "health tells of claims that were refused once",
        "execution/poller.py",
        "            self.refusal = None\n            fed",
        "            fed",
        tests_in(_RIGHTS, "test_health_tells_that_claims_are_refused"),
    ),
    Planted(
        "all tasks have moved where a partition is offline",
        "storage/partitions.py",
        "            self.require_online()\n            return ()\n",
        "            return ()\n",
        tests_in("integration/test_moving", "test_a_partition_that_is_offline_is_told"),
    ),
    Planted(
        "a run of a queue names a card that nobody has",
        "services/heartbeat.py",
        'return (self._outer.id if self._outer is not None else "") or self._id',
        "return self._id",
        tests_in("semantics/test_statistics", "test_a_run_of_a_queue_names_the_card_of_its_scheduler"),
    ),
    Planted(
        "one queue too many hides the others",
        "facade/family.py",
        "        with suppress(QueuesFull):\n",
        "        with suppress(ArithmeticError):\n",
        tests_in("semantics/test_queues", "test_one_queue_too_many_is_not_listed_and_hides_no_other"),
    ),
    Planted(
        "a handler in another event loop can cancel the asyncio task that tells it",
        "support/events.py",
        "if loop is None or get_ident() != self._thread or not loop.is_running():",
        "if loop is None:",
        tests_in("unit/test_events", "test_a_handler_is_called_by_no_task_in_whichever_event_loop"),
    ),
)
