"""Bugs by which queues get in each other's way, or are forgotten by what has to cover them."""

from typing import Final

from .planted import Planted, lua, tests_in

_NAMES: Final = "unit/test_queue_options"
_SCRIPT: Final = "scripts/test_queues"
_API: Final = "semantics/test_queues"
_SERVERS: Final = "integration/test_queues"

ALL: Final = (
    Planted(
        "a queue is opened from a callback, where anyio starts nothing",
        "facade/family.py",
        " and asyncio.current_task() is not None",
        "",
        tests_in("semantics/test_queues", "test_a_callback_of_the_event_loop_asks_for_a_queue"),
    ),
    Planted(
        "a queue of a queue is made, with the name of another queue",
        "config/queue_options.py",
        'if "." in name:',
        "if False:",
        tests_in(_NAMES, "test_bad_names"),
    ),
    Planted(
        "the namespace of a queue is too long",
        "config/queue_options.py",
        "    if len(namespace) + 1 + len(name) > LONGEST_NAMESPACE:",
        "    if len(name) > LONGEST_NAMESPACE:",
        tests_in(_NAMES, "test_a_name_that_is_too_long_for_its_namespace"),
    ),
    Planted(
        "options of a queue that is known are ignored",
        "config/queue_options.py",
        "        if getattr(known, option) != value:",
        "        if False:",
        tests_in(_NAMES, "test_the_same_name_is_the_same_queue"),
    ),
    Planted(
        "each call makes another scheduler of the same queue",
        "facade/scheduler.py",
        "return self._queues.setdefault(name, made)",
        "return made",
        tests_in(_NAMES, "test_the_same_name_is_the_same_queue"),
    ),
    lua(
        "a namespace has any number of queues",
        "enter_queue",
        " and call('ZCARD', queues_key) < tonumber(most_arg)",
        "",
        tests_in(_SCRIPT, "test_the_list_is_bounded"),
    ),
    lua(
        "a process with an old list of partitions makes queues",
        "enter_queue",
        "if not list or list == list_arg then",
        "if true then",
        tests_in(_SCRIPT, "test_a_new_queue_needs_the_list_of_partitions_in_force"),
    ),
    Planted(
        "a queue is not entered into the list",
        "storage/partition/handshake.py",
        "        if self._place.entry is not None:  # before",
        "        if False:  # before",
        tests_in(_API, "test_a_queue_that_is_empty_exists_for_all"),
    ),
    Planted(
        "a queue is made without the master",
        "storage/partitions.py",
        "        self._raise_without_entry()\n",
        "",
        tests_in(_SERVERS, "test_a_new_queue_needs_the_master"),
    ),
    Planted(
        "a queue that is asked for late waits to be connected",
        "facade/family.py",
        "            core.lifespan.open = lambda: self.open(core)\n",
        "",
        tests_in(_API, "test_each_call_may_be_the_first"),
    ),
    Planted(
        "a queue that was closed alone opens by itself",
        "facade/family.py",
        "        core.is_shut = core is not self.root\n",
        "",
        tests_in(_API, "test_a_queue_that_is_closed_alone"),
    ),
    Planted(
        "queues are drained one after the other",
        "facade/family.py",
        "await together([self._drain(member, core, drain_seconds) for member in members])",
        "[await self._drain(member, core, drain_seconds) for member in members]",
        tests_in(_API, "test_the_namespace_closes_with_all_queues_at_once"),
    ),
    Planted(
        "a queue that is closed with its namespace has another drain than its own",
        "facade/family.py",
        "min(drain_seconds, member.options.drain_seconds)",
        "drain_seconds",
        tests_in(_API, "test_a_queue_has_its_own_drain_within_that_of_its_namespace"),
    ),
    Planted(
        "a run of a queue that closes the namespace waits for itself",
        "facade/family.py",
        "            if member.executing.is_called_inside_run():",
        "            if member is core and member.executing.is_called_inside_run():",
        tests_in(_API, "test_a_run_of_a_queue_closes_the_namespace"),
    ),
    Planted(
        "health forgets queues",
        "facade/covering.py",
        "return replace(own, queues=dict(sorted(found.items()))) if found else own",
        "return own",
        tests_in(_API, "test_health_covers_the_queues"),
    ),
    Planted(
        "only queues that this process uses are looked after",
        "facade/family.py",
        "                if core is None and is_queue_name(name",
        "                if False and is_queue_name(name",
        tests_in(_API, "test_health_covers_the_queues", "test_an_audit_covers_the_queues"),
    ),
    Planted(
        "a list of partitions changes for the queues of this process only",
        "facade/family.py",
        "if partitions.is_list_changing and partitions.master.problem is None:",
        "if False:",
        tests_in(_SERVERS, "test_a_list_changes_for_queues_that_nobody_asked_for"),
    ),
    Planted(
        "a list that is refused is given to the queues",
        "storage/partitions.py",
        "        self._reconfiguration().check()\n",
        "",
        tests_in(_SERVERS, "test_a_list_that_is_refused_changes_no_queue"),
    ),
    Planted(
        "one queue too many keeps the namespace from connecting",
        "facade/family.py",
        "        except QueuesFull as error:",
        "        except ZeroDivisionError as error:",
        tests_in(_API, "test_queues_that_are_too_many_hold_up_no_other"),
    ),
    Planted(
        "the list changes for the namespace before its queues",
        "services/lifespan.py",
        "                    await self.inside.connect(partitions, has_joined=False)\n",
        "",
        tests_in(_SERVERS, "test_hints_of_a_queue_hold_a_change_up"),
    ),
    Planted(
        "each queue has connections of its own",
        "storage/connection/link.py",
        "        if link is None or link.is_closed:",
        "        if True:",
        tests_in(_SERVERS, "test_queues_share_the_connections"),
    ),
    Planted(
        "who closes a queue closes the connections of all",
        "storage/connection/link.py",
        "        if self._users == 0:",
        "        if True:",
        tests_in(_API, "test_a_queue_that_is_closed_alone"),
    ),
    Planted(
        "a queue that listens later hears of nothing",
        "storage/connection/subscription.py",
        "        self._listeners.append(listener)\n        self._changed.set()\n",
        "        self._listeners.append(listener)\n",
        tests_in(_SERVERS, "test_queues_share_the_connections"),
    ),
)
