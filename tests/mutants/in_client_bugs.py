"""Bugs by which a bug is called a lost connection, or a lost connection a bug."""

from typing import Final

from .planted import Planted, tests_in

_BUGS: Final = "integration/test_client_bugs"
_FAILURES: Final = "integration/test_client_failures"
_CONNECTIONS: Final = "storage/connection/connections.py"

ALL: Final = (
    Planted(
        "a bug in a connect is a lost connection",
        _CONNECTIONS,
        "bug = bug_behind(error)",
        "bug = None",
        tests_in(_BUGS, "test_connect_raises_whatever_it_is"),
    ),
    Planted(
        "an error of the system in a connect is a bug",
        "storage/connection/failures.py",
        "(*FAILED, SchedulerError)",
        "(RedisError, SchedulerError)",
        tests_in(_FAILURES, "test_a_bug_is_found_behind_any_number_of_lost_connections"),
    ),
    Planted(
        "only the first of nested errors is looked at",
        "storage/connection/failures.py",
        "    while isinstance(error, ConnectionError) and error.__cause__ is not None:",
        "    if isinstance(error, ConnectionError) and error.__cause__ is not None:",
        tests_in(_FAILURES, "test_a_bug_is_found_behind_any_number_of_lost_connections"),
    ),
    Planted(
        "a connection whose introduction broke is used",
        _CONNECTIONS,
        "            await self.disconnect(nowait=True)\n            bug = ",
        "            bug = ",
        tests_in(_FAILURES, "test_a_connection_whose_introduction_broke_is_not_used"),
    ),
    Planted(
        "a connection that is closed below is written to",
        _CONNECTIONS,
        "if not writer.transport.is_closing():",
        "if True:",
        tests_in(_FAILURES, "test_a_connection_that_is_closed_below_is_a_lost_one"),
    ),
    Planted(
        "a bug in the background of a connect is not told to who connects",
        "services/lifespan.py",
        "if mine is None or isinstance(error, asyncio.CancelledError)",
        "if isinstance(error, asyncio.CancelledError)",
        tests_in(_BUGS, "test_connect_raises_it"),
    ),
    Planted(
        "who connects gets a bug in groups of groups",
        "services/lifespan.py",
        "ready.set_exception(alone(error))",
        "ready.set_exception(error)",
        tests_in(_BUGS, "test_connect_raises_it"),
    ),
    Planted(
        "a host that cannot be a name is a bug",
        "storage/connection/names.py",
        "result.set_exception(no_name)",
        "result.set_exception(error)",
        tests_in("integration/test_unreachable", "test_a_name_that_cannot_be_one"),
    ),
    Planted(
        "a node that answers in another form is a bug",
        "storage/connection/discovery.py",
        "except (ValueError, LookupError, TypeError, AttributeError):",
        "except ZeroDivisionError:",
        tests_in(_FAILURES, "test_a_node_that_answers_in_another_form_is_no_bug"),
    ),
    Planted(
        "a bug that keeps the ends of runs from Redis is told without its traceback",
        "storage/completions.py",
        "describe(error), exc_info=error)  # a bug",
        "describe(error))",
        tests_in(_BUGS, "test_runs_whose_ends_cannot_be_told_are_told_with_the_traceback"),
    ),
    Planted(
        "a port that can be none is a bug of a connection",
        "storage/connection/sentinels.py",
        "    if not 0 <= port < 1 << 16:\n        raise ValueError(port)\n",
        "",
        tests_in(_FAILURES, "test_a_node_that_answers_in_another_form_is_no_bug"),
    ),
    Planted(
        "after a bug, the next one who reads gets the reply of another",
        _CONNECTIONS,
        "            if not isinstance(error, FAILED):\n",
        "            if False:\n",
        tests_in(_FAILURES, "test_a_reply_that_was_not_read_for_a_bug_is_nobody_elses"),
    ),
)
