"""Bugs by which one who only looks writes, makes something, or needs more rights; and by which an import loads all."""

from typing import Final

from .planted import Planted, tests_in

_READERS: Final = "integration/test_readers"
_LAZY: Final = "unit/test_lazy"
_AT_ONCE: Final = "integration/test_at_once"

ALL: Final = (
    Planted(
        "the user of a worker cannot read with create=False",
        "storage/requests/sender.py",
        """                if "_ro'" not in str(error):\n                    raise\n""",
        "                raise\n",
        tests_in("integration/test_readers", "test_the_user_of_a_worker_reads_as_well"),
    ),
    Planted(
        "a mistyped namespace is made",
        "storage/partition/handshake.py",
        "(self._make_member() if self._place.creates else self._recognize())",
        "self._make_member()",
        tests_in(_READERS, "test_one_partition_does_not_have_the_namespace_yet"),
    ),
    Planted(
        "an error in a name looks like a partition that is offline",
        "storage/partitions.py",
        "            self._raise_unknown()",
        "            pass",
        tests_in(_READERS, "test_the_master_does_not_have_it_and_another_is_offline"),
    ),
    Planted(
        "a namespace may be on a master that cannot be asked, and is said to be unknown",
        "storage/partitions.py",
        "raise self.master.problem or self.master.handshake.unknown()",
        "raise self.master.handshake.unknown()",
        tests_in(_READERS, "test_the_master_cannot_be_asked"),
    ),
    Planted(
        "a partition without the namespace keeps a reader from the others",
        "storage/partitions.py",
        "ConnectionError | UnknownNamespace)",
        "ConnectionError)",
        tests_in(_READERS, "test_one_partition_does_not_have_the_namespace_yet"),
    ),
    Planted(
        "a reader tries all commands out",
        "storage/partition/handshake.py",
        "        if not self._place.creates:  # that",
        "        if False:  # that",
        tests_in(_READERS, "test_connecting_and_staying_writes_nothing"),
    ),
    Planted(
        "scripts of a reader are sent as those that write",
        "storage/partition/handshake.py",
        "not self._place.creates and self._facts.knows_reading_scripts",
        "False",
        tests_in(_READERS, "test_they_see_what_is_there"),
    ),
    Planted(
        "Redis 6.2 is asked for what it does not know",
        "storage/connection/diagnosis.py",
        "_READING_SCRIPTS: Final = (7, 0)",
        "_READING_SCRIPTS: Final = (6, 0)",
        tests_in(_READERS, "test_they_see_what_is_there"),
    ),
    Planted(
        "an audit that repairs nothing needs the right to write",
        "storage/commands/auditing.py",
        "scripts.AUDIT if mend else LOOKS_ONLY",
        "scripts.AUDIT",
        tests_in(_READERS, "test_they_see_what_is_there"),
    ),
    Planted(
        "a queue of a reader is made",
        "services/lifespan.py",
        "creates and (self._outer is None or self._outer.creates)",
        "creates",
        tests_in(_READERS, "test_a_queue_that_is_not_there"),
    ),
    Planted(
        "a queue that is to be there is made in the background",
        "facade/core.py",
        "self.lifespan.connect(creates=self.creates)",
        "self.lifespan.connect(creates=True)",
        tests_in(_READERS, "test_a_queue_of_a_worker_that_is_to_be_there"),
    ),
    Planted(
        "a reader cannot list the queues that are there beside one that is not",
        "facade/family.py",
        "        if self.root.lifespan.creates:  # else",
        "        if True:  # else",
        tests_in(_READERS, "test_a_queue_that_is_not_there"),
    ),
    Planted(
        "a call on a namespace that is gone waits for the whole time-out",
        "storage/requests/sender.py",
        "                        await self._partition.wait_enrolled()",
        "                        pass",
        tests_in(_READERS, "test_a_namespace_that_is_gone_is_not_made_anew"),
    ),
    Planted(
        "a call on a namespace that is gone hears that it is offline",
        "storage/connection/failures.py",
        "    if isinstance(problem, UnknownNamespace):",
        "    if False:",
        tests_in(_READERS, "test_a_namespace_that_is_gone_is_not_made_anew"),
    ),
    Planted(
        "a reader changes the list of partitions",
        "storage/topology/agreement.py",
        "        if not self._writes:",
        "        if False:",
        tests_in(_READERS, "test_another_list_of_partitions"),
    ),
    Planted(
        "a reader moves tasks",
        "services/rebalancer.py",
        "                if self._partitions.migration.delivers:",
        "                if True:",
        tests_in(_READERS, "test_a_move_in_progress_is_left_to_others"),
    ),
    Planted(
        "a reader applies hints",
        "storage/partitions.py",
        'if creates and options.on_offline == "hint":',
        'if options.on_offline == "hint":',
        tests_in(_READERS, "test_hints_are_left_to_others"),
    ),
    Planted(
        "a reader warns that it may not subscribe",
        "storage/partition/ear.py",
        "log.warning if warns else log.debug",
        "log.warning",
        tests_in(_READERS, "test_connecting_and_staying_writes_nothing"),
    ),
    Planted(
        "importing the package loads a scheduler with its client",
        "__init__.py",
        "__all__ = list(_names)",
        '__all__ = list(_names)\n_names.load("Scheduler")',
        tests_in(_LAZY, "test_a_process_that_connects_to_nothing_loads_no_client"),
    ),
    Planted(
        "a class that nobody asked for names a private place",
        "support/lazy.py",
        "                if module is None or getattr",
        "                if module is None or place == '.errors' or getattr",
        tests_in(_LAZY, "test_what_comes_along_is_published_too"),
    ),
    Planted(
        "partitions are walked over one after the other",
        "storage/prefixes.py",
        "        return [self.steps(with_dead=with_dead, only=[partition]) for partition in self.partitions()]",
        "        return [self.steps(with_dead=with_dead)]",
        tests_in(_AT_ONCE, "test_all_partitions_are_asked_at_once"),
    ),
    Planted(
        "a walk goes on after its call has failed",
        "support/at_once.py",
        "            await asyncio.wait(left)",
        "            pass",
        tests_in(_AT_ONCE, "test_none_is_left_behind"),
    ),
    Planted(
        "a queue that was looked for in vain keeps its namespace from connecting",
        "facade/family.py",
        "            if core.creates:\n                raise\n",
        "            raise\n",
        tests_in("integration/test_readers", "test_a_queue_that_was_looked_for_in_vain_stands_in_nobodys_way"),
    ),
    Planted(
        "a partition without the namespace fails looks over all",
        "errors/storage.py",
        "AWAY: Final = (PartitionOffline, UnknownNamespace)",
        "AWAY: Final = (PartitionOffline,)",
        tests_in("integration/test_readers", "test_a_partition_without_the_namespace_is_left_out_of_looks"),
    ),
)
