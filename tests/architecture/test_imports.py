"""The rules of the source tree beside the import contracts: where Lua may be, what is public, how long a file is."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import interval_scheduler
from interval_scheduler import errors
from tests.architecture.source import MODULES, PACKAGE, ROOT, Module, offenders
from tests.public import NAMES

LOADER = f"{PACKAGE}.storage.scripts.loader"

#: What the package needs at run time; fakeredis, cronsim and msgspec, extras, are imported if asked for, pydantic if an
#: application has types of it, and pytest is for the plugin of those who have it.
THIRD_PARTY = {"anyio", "redis", "hiredis", "fakeredis", "cronsim", "msgspec", "pydantic", "pytest", "pytest_asyncio"}
#: Of the command line.
THIRD_PARTY |= {"click", "rich", "textual", "uvloop", "watchfiles"}
#: Of the frameworks.
THIRD_PARTY |= {"fastapi", "starlette", "aiohttp", "litestar"}
#: Of the dashboard.
THIRD_PARTY |= {"jinja2", "markupsafe", "uvicorn"}
#: Of telemetry.
THIRD_PARTY |= {"opentelemetry"}

LONGEST_FILE = 320
#: Longer ones, each with its reason.
LONG: dict[str, str] = {}

#: Beside the errors.
PUBLIC = {
    "Scheduler",
    "SchedulerOptions",
    "StorageOptions",
    "RedisInstance",
    "Task",
    "IntervalTask",
    "Rate",
    "ScheduledTask",
    "TaskRun",
    "current_run",
    "next_runs",
    "Lock",
    "AssignCounts",  # what assign_tasks returns
    "AuditReport",
    "BatchFailed",
    "BlockingScheduler",
    "DeadTask",
    "Finding",
    "FlatOptions",
    "Forecast",
    "Health",
    "PartitionHealth",
    "PartitionMove",  # what moving() returns
    "PastRun",  # what run_history() returns
    "PausedState",  # what paused() returns
    "Action",  # what actions() returns
    "ActionPage",
    "acting_as",
    "TaskPage",  # what page() and failing_page() return
    "DeadPage",  # what dead_page() returns
    "SearchPage",  # what search() returns
    "Overview",
    "PartitionOverview",
    "CardRun",
    "Counts",  # what counts() returns
    "PartitionCounts",
    "RunSample",  # what the handlers of sample_runs() get
    "Point",
    "Problem",
    "RestoreCounts",
    "check_backup",
    "Retry",
    "Rules",
    "SchedulerCard",  # what schedulers() returns
    "Series",  # what statistics() returns
    "TailedRun",  # what tail() yields
    "SyncChange",
    "SyncCounts",
    "SyncPlan",
}

#: How Lua looks; comparing with the scripts themselves keeps this honest.
LUA = re.compile(
    r"redis\.p?call|\bcall\('|\blocal [\w, ]+ =|\blocal function\b|\bthen\n|\b(?:KEYS|ARGV)\[[^\]]+\]\s*[,)]"
)


def test_the_import_finder_sees_what_there_is() -> None:
    # Or tests below could pass by seeing nothing.
    found = set(MODULES["facade.scheduler"].imports())
    assert {"anyio", f"{PACKAGE}.support.log.guarded", f"{PACKAGE}.config.options.to_options"} <= found, (
        "from folders above"
    )
    assert LOADER in set(MODULES["storage.commands.running"].imports())
    assert f"{PACKAGE}.storage.embedded.opening" in set(MODULES["storage.connection.client"].imports()), "in a function"


def roots(module: Module) -> set[str]:
    """The distributions and standard modules that a module imports from."""
    return {name.partition(".")[0] for name in module.imports()}


def called(module: Module) -> set[str]:
    """The plain names that a module calls."""
    return {
        node.func.id for node in ast.walk(module.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_nothing_unexpected_is_imported() -> None:
    expected = sys.stdlib_module_names | THIRD_PARTY | {PACKAGE}
    assert offenders(lambda module: roots(module) - expected) == {}


def test_no_code_is_made_from_data() -> None:
    # As docs/guarantees.md promises: payloads are never more than text or bytes.
    makers = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml"}
    assert offenders(lambda module: roots(module) & makers) == {}
    assert offenders(lambda module: called(module) & {"eval", "exec", "compile", "__import__"}) == {}


def test_no_lua_in_python() -> None:
    assert offenders(lambda module: [text for text in module.strings() if LUA.search(text)]) == {}


def test_lua_would_be_recognized() -> None:
    for path in (ROOT / "storage" / "scripts" / "lua").glob("*.lua"):
        assert LUA.search(path.read_text(encoding="utf-8")), path.name


def test_lua_files_are_in_one_folder() -> None:
    # What the embedded engine puts around the scripts is no script: no server sees it.
    around = {ROOT / "storage" / "embedded" / name for name in ("frame.lua", "trial.lua")}
    assert {path.parent for path in set(ROOT.rglob("*.lua")) - around} == {ROOT / "storage" / "scripts" / "lua"}


def test_one_place_sends_scripts() -> None:
    senders = {module.name for module in MODULES.values() for text in module.strings() if text in {"EVAL", "EVALSHA"}}
    engine = {"storage.embedded.client", "storage.embedded.trial"}  # the other end, which takes them in
    assert senders == {"storage.requests.sender"} | engine
    attributes = {
        (module.name, node.attr)
        for module in MODULES.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"eval", "evalsha", "register_script"}
    }
    assert attributes == set()


def test_each_script_has_one_typed_caller() -> None:
    of_types = f"{LOADER}.Script"  # to say what a parameter is; calls nothing
    importers = {
        name
        for name, module in MODULES.items()
        if any(target.startswith(LOADER) and target != of_types for target in module.imports())
    }
    assert all(name.startswith("storage.commands.") for name in importers)
    callers: Counter[str] = Counter()
    for function in (function for name in importers for function in MODULES[name].tree.body):
        if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            callers.update(
                {
                    node.attr
                    for node in ast.walk(function)
                    if isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "scripts"
                }
            )
    names = {path.stem.upper() for path in (ROOT / "storage" / "scripts" / "lua").glob("[!_]*.lua")}
    assert callers == Counter(names)


def test_files_are_short_enough_to_read_in_one_sitting() -> None:
    # One that is not too long any more is taken off the list.
    lengths = {name: len(module.text.splitlines()) for name, module in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if (lines > LONGEST_FILE) != (name in LONG)} == {}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "storage" / "scripts" / "lua").glob("*.lua")), ids=lambda path: path.name
)
def test_scripts_are_short_enough_too(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_every_module_says_what_it_is_for() -> None:
    assert offenders(lambda module: not ast.get_docstring(module.tree)) == {}


def test_the_public_names() -> None:
    names = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.SchedulerError)
    }
    assert set(NAMES) == PUBLIC | names
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    thing = getattr(interval_scheduler, name)
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}("), "a docstring that dataclass made"


def test_importing_the_package_needs_no_extra() -> None:
    # `memory://` is an extra: fakeredis may only be imported when it is asked for, and so what is made of it.
    embedded = "storage.embedded"
    top = {
        name
        for module in MODULES.values()
        if not module.name.startswith(embedded)
        for node in module.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert "redis.asyncio" in top
    assert not {name for name in top if name and (name.partition(".")[0] == "fakeredis" or "embedded" in name)}


def test_the_package_is_typed() -> None:
    assert (ROOT / "py.typed").exists()
