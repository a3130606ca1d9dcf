"""Bugs of the wings for web frameworks: what is opened, what is left, and what is told."""

from typing import Final

from .planted import Planted, tests_in

_FASTAPI: Final = "contrib/test_fastapi"
_SOURCES: Final = "contrib/test_sources"

ALL: Final = (
    Planted(
        "a worker in an application is only connected",
        "contrib/sources.py",
        "return source.running()",
        "return source.connected()",
        tests_in(_SOURCES, "test_each_source_yields_a_scheduler_and_closes_it"),
    ),
    Planted(
        "a function that wants arguments is a source",
        "contrib/sources.py",
        "inspect.signature(source).bind()",
        "inspect.signature(source)",
        tests_in(_SOURCES, "test_what_is_no_source_is_refused_when_the_application_is_made"),
    ),
    Planted(
        "requests do not get what the lifespan of the application yields",
        "contrib/starlette.py",
        "                state.update(yielded or {})\n",
        "                assert yielded is not state\n",
        tests_in(_FASTAPI, "test_the_lifespan_that_there_is_comes_first_and_ends_last"),
    ),
    Planted(
        "a scheduler of another library is replaced",
        "contrib/starlette.py",
        "            if STATE in state:\n",
        "            if False:\n",
        tests_in(_FASTAPI, "test_a_scheduler_of_another_library_is_not_replaced"),
    ),
    Planted(
        "a server that runs no lifespan is told by an AttributeError",
        "contrib/starlette.py",
        "getattr(connection.state, STATE, None)",
        "getattr(connection.state, STATE)",
        tests_in(_FASTAPI, "test_a_server_that_runs_no_lifespan_is_told"),
    ),
    Planted(
        "an application of aiohttp has two schedulers",
        "contrib/aiohttp.py",
        "        if SCHEDULER in app:\n",
        "        if False:\n",
        tests_in("contrib/test_aiohttp", "test_an_application_has_one"),
    ),
    Planted(
        "the state of Litestar keeps a scheduler that is closed",
        "contrib/litestar.py",
        "                del app.state[STATE]\n",
        "                pass\n",
        tests_in("contrib/test_litestar", "test_requests_assign_and_the_worker_executes"),
    ),
    Planted(
        "the state of the server is lost",
        "contrib/asgi.py",
        '{**scope.get("state", {}), **state}',
        "{**state}",
        tests_in("contrib/test_asgi", "test_what_the_server_keeps_in_the_state_stays"),
    ),
    Planted(
        "a start that fails is told as a shutdown",
        "contrib/asgi.py",
        '    stage = "startup"\n',
        '    stage = "shutdown"\n',
        tests_in("contrib/test_asgi", "test_a_start_that_fails_is_told_without_the_password"),
    ),
    Planted(
        "a worker that is only connected executes",
        "worker/worker.py",
        "self._running(None, {}, ()) as",
        "self._running(None, {}, tuple(self._kinds)) as",
        tests_in("worker/test_connected", "test_kinds_assign_and_another_process_executes"),
    ),
    Planted(
        "a worker that is only connected enters its lifespan",
        "worker/worker.py",
        "self._lifespan if kinds else None",
        "self._lifespan",
        tests_in("worker/test_connected", "test_kinds_assign_and_another_process_executes"),
    ),
)
