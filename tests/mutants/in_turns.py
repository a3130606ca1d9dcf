"""Bugs by which some requests hold up others, or wait for a connection that is dead."""

from typing import Final

from .planted import Planted, tests_in

_READS: Final = "integration/test_many_reads"
_POOL: Final = "integration/test_pool"

ALL: Final = (
    Planted(
        "a change that waited for its turn bears the birth of before",
        "storage/partition/gate.py",
        "            args = self._up_to_date(args, stamp)\n",
        "",
        tests_in("integration/test_data_lost", "test_calls_that_wait_for_their_turn_know_the_new_birth"),
    ),
    Planted(
        "each change that waits for its turn tries a lost partition for its whole time",
        "storage/partition/gate.py",
        "            self._partition.require_online()\n            args",
        "            args",
        tests_in("integration/test_many_reads", "test_whoever_waits_learns_that_the_partition_is_gone"),
    ),
    Planted(
        "tasks that were removed while they ran are looked up one by one",
        "execution/leases.py",
        "            scheduled = await channel.are_scheduled([run.raw_id for run in runs])\n",
        "            scheduled = [each for run in runs for each in await channel.are_scheduled([run.raw_id])]\n",
        tests_in("integration/test_many_removed", "test_others_keep_their_leases"),
    ),
    Planted(
        "a newcomer takes the connection for which others wait",
        "storage/connection/pool.py",
        "                turn.set_result(None)\n                return\n",
        "                turn.set_result(None)\n                self._left += 1\n                return\n",
        tests_in(_POOL, "test_a_newcomer_passes_nobody"),
    ),
    Planted(
        "the turn of one who is cancelled in that moment is lost",
        "storage/connection/pool.py",
        "self._pass_on()  # it was this one's turn in the same moment",
        "pass",
        tests_in(_POOL, "test_one_who_is_cancelled_is_passed_over"),
    ),
    Planted(
        "waits for a connection go on when the partition is lost",
        "storage/connection/client.py",
        "        pool.refuse_waiting()",
        "        pass",
        tests_in(_POOL, "test_waits_end_when_the_partition_is_lost"),
    ),
    Planted(
        "a connection that was idle is used as it is",
        "storage/connection/pool.py",
        "                await self._prove(connection)",
        "                pass",
        tests_in(_POOL, "test_a_connection_that_died_while_idle_leaves_time_for_another"),
    ),
    Planted(
        "every connection is proved before each request",
        "storage/connection/pool.py",
        "connection.idle_seconds() > PROVED_AFTER_SECONDS",
        "connection.idle_seconds() >= 0",
        tests_in(_POOL, "test_only_a_connection_that_was_idle_is_proved"),
    ),
    Planted(
        "connections are kept alive as the system likes",
        "storage/connection/connections.py",
        "socket_keepalive_options=keep_alive_options()",
        "socket_keepalive_options={}",
        tests_in(_POOL, "test_connections_keep_themselves_alive"),
    ),
    Planted(
        "pages pass the gate in any number",
        "storage/connection/link.py",
        "return max(1, min(connections - _LEFT_TO_OTHERS, int(_LARGEST_SHARE * connections)))",
        "return 10_000",
        tests_in(_READS, "test_the_gate_leaves_connections_to_others"),
    ),
    Planted(
        "whoever waited at the gate tries a partition that went offline meanwhile",
        "storage/requests/sender.py",
        "        self._partition.require_online()\n        try:\n            return await self.request(",
        "        try:\n            return await self.request(",
        tests_in(_READS, "test_whoever_waits_learns_that_the_partition_is_gone"),
    ),
    Planted(
        "each count is a request of its own",
        "storage/namespace.py",
        "partition.size.submit(None) for partition in self._partitions.all]",
        "lookup.sizes(partition) for partition in self._partitions.all]",
        tests_in(_READS, "test_very_many_counts_at_once_are_few_requests"),
    ),
    Planted(
        "partitions are counted one after the other",
        "storage/namespace.py",
        "sizes = await asyncio.gather(*[partition.size.submit(None) for partition in self._partitions.all])",
        "sizes = [await partition.size.submit(None) for partition in self._partitions.all]",
        tests_in(_READS, "test_all_partitions_are_counted_at_once"),
    ),
)
