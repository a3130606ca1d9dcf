"""Bugs to plant where Sentinels are asked and replicas are waited for."""

from __future__ import annotations

from typing import Final

from .planted import Planted, tests_in

ALL: Final = (
    Planted(
        "a Sentinel that answers in another form ends the scheduler",
        "storage/connection/sentinels.py",
        "except (ValueError, LookupError, TypeError, AttributeError):",
        "except ZeroDivisionError:",
        tests_in("integration/test_sentinel_answers", "test_another_form_is_told_and_ends_nothing"),
    ),
    Planted(
        "an old answer is never believed",
        "storage/connection/sentinels.py",
        "        if outdated is not None and problem is None:\n",
        "        if False:\n",
        tests_in("integration/test_sentinel_answers", "test_an_old_answer_is_believed_if_nobody_knows_better"),
    ),
    Planted(
        "nobody hears that a Sentinel lets this side not listen",
        "storage/connection/sentinels.py",
        "                if not is_told:\n",
        "                if False:\n",
        tests_in(
            "integration/test_sentinel_answers", "test_without_the_right_to_listen_a_warning_says_what_that_costs"
        ),
    ),
    Planted(
        "a silent Sentinel uses up the time of all",
        "storage/connection/sentinels.py",
        "async with asyncio.timeout(self._seconds):\n                    answer",
        "if True:\n                    answer",
        tests_in("integration/test_sentinel", "test_one_sentinel_is_enough"),
    ),
    Planted(
        "a replica that Sentinels name is refused for good",
        "storage/partition/handshake.py",
        "if self._is_demoted():",
        "if False:",
        tests_in("integration/test_sentinel", "test_what_sentinels_say_is_a_primary_has_to_be_one"),
    ),
    Planted(
        "a connection to Sentinels stays open",
        "storage/connection/sentinels.py",
        "await connection.disconnect(nowait=True)\n        try:\n            address =",
        "pass\n        try:\n            address =",
        tests_in("integration/test_sentinel", "test_tasks_run_and_all_is_well"),
    ),
    Planted(
        "an old primary that is well is left when it says that it is a replica",
        "storage/partition/partition.py",
        "                    group.start_soon(self.link.watch, self._leave_primary)",
        "                    pass",
        tests_in("integration/test_planned_failover", "test_nothing_that_was_confirmed_is_lost"),
    ),
    Planted(
        "the primary is left only when the other one is named",
        "storage/connection/sentinels.py",
        "            self._settled.clear()\n            self._leave()",
        "            pass",
        tests_in("integration/test_planned_failover", "test_nothing_that_was_confirmed_is_lost"),
    ),
    Planted(
        "the primary that is being replaced is connected to again at once",
        "storage/connection/sentinels.py",
        "            self._settled.clear()\n            self._leave()",
        "            self._leave()",
        tests_in("integration/test_planned_failover", "test_nothing_that_was_confirmed_is_lost"),
    ),
    Planted(
        "connections to a primary that is replaced stay as long as they have work",
        "storage/connection/client.py",
        "        pool.abandon()",
        "        pass",
        tests_in(
            "integration/test_pool", "test_who_waits_for_a_reply_learns_at_once_that_the_connections_are_given_up"
        ),
    ),
    Planted(
        "a failover that comes to nothing is waited for without end",
        "storage/connection/sentinels.py",
        "with anyio.move_on_after(self._hold_seconds):",
        "if True:",
        tests_in(
            "integration/test_planned_failover", "test_a_failover_that_comes_to_nothing_holds_up_for_some_seconds_only"
        ),
    ),
    Planted(
        "a Sentinel that was away is believed",
        "storage/connection/sentinels.py",
        "if self._known is None or answer.epoch >= self._known.epoch:",
        "if True:",
        tests_in(
            "integration/test_planned_failover", "test_a_sentinel_that_was_away_is_not_believed_while_another_answers"
        ),
    ),
    Planted(
        "a failover of another service is taken for that of this one",
        "storage/connection/sentinels.py",
        'return text.partition(" @ ")[2].split(" ")[0] == service',
        "return True",
        tests_in("integration/test_planned_failover", "test_a_message_concerns_its_service"),
    ),
    Planted(
        "an assign that no replica has is acknowledged",
        "storage/partition/batchers.py",
        "if problem := self.session.not_replicated:",
        "if problem := None:",
        tests_in("integration/test_replication", "test_a_replica_that_does_not_keep_up"),
    ),
    Planted(
        "a lock that no replica knows of is kept by nobody",
        "services/locks.py",
        "            await self._release_quietly(Lock(name, token))\n            raise problem",
        "            raise problem",
        tests_in("integration/test_replication", "test_a_lock_that_the_replica_does_not_know_of_is_given_up"),
    ),
    Planted(
        "a renewal that no replica knows of counts",
        "services/locks.py",
        "        if problem is not None:\n            raise problem\n        return held == 1",
        "        return held == 1",
        tests_in("integration/test_replication", "test_a_lock_whose_renewal_the_replica_does_not_know_of_is_lost"),
    ),
    Planted(
        "giving a lock up waits for replicas",
        "storage/partition/batchers.py",
        "replicas = 0 if all(",
        "replicas = self._replicas if all(",
        tests_in("integration/test_replication", "test_a_lock_that_the_replica_does_not_know_of_is_given_up"),
    ),
    Planted(
        "a repeated request waits for nothing",
        "storage/connection/replication.py",
        'pipeline.execute_command("PEXPIRE", reply_key, REPLY_KEPT_MS)',
        'pipeline.execute_command("PTTL", reply_key)',
        tests_in("unit/test_replication", "test_a_write_of_its_own_stands_before_wait"),
    ),
    Planted(
        "replicas are not waited for",
        "storage/partition/batchers.py",
        "        session = BatchSession(self.session, callers, self._replicas, if_exists=if_exists)",
        "        session = BatchSession(self.session, callers, 0, if_exists=if_exists)",
        tests_in("integration/test_replication", "test_a_replica_that_does_not_keep_up"),
    ),
)
